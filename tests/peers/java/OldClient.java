import io.prometheus.client.Collector;
import io.prometheus.client.CollectorRegistry;
import io.prometheus.client.Counter;
import io.prometheus.client.Gauge;
import io.prometheus.client.Histogram;
import io.prometheus.client.Summary;
import io.prometheus.client.exporter.PushGateway;
import io.prometheus.client.hotspot.DefaultExports;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/**
 * The Java client before, the simpleclient, pushes what it gathers once to each address:
 *
 * <pre>OldClient push|add|delete NUMBER ADDRESS...</pre>
 */
public class OldClient {
  public static void main(String[] arguments) throws Exception {
    CollectorRegistry measured = new CollectorRegistry();
    DefaultExports.register(measured);
    measure(measured, Double.parseDouble(arguments[1]));
    List<Collector.MetricFamilySamples> gathered =
        Collections.list(measured.metricFamilySamples());
    CollectorRegistry registry = new CollectorRegistry();
    registry.register(
        new Collector() {
          @Override
          public List<MetricFamilySamples> collect() {
            return gathered;
          }
        });
    Map<String, String> key = Map.of("volume", "/var/lib");
    for (String address : Arrays.copyOfRange(arguments, 2, arguments.length)) {
      PushGateway gateway = new PushGateway(address);
      switch (arguments[0]) {
        case "push" -> gateway.push(registry, "old-java-client", key);
        case "add" -> gateway.pushAdd(registry, "old-java-client", key);
        case "delete" -> gateway.delete("old-java-client", key);
        default -> throw new IllegalArgumentException(arguments[0]);
      }
    }
  }

  static void measure(CollectorRegistry registry, double number) {
    Gauge.build("peer_step", "A number.").register(registry).set(number);
    Gauge.build("peer_nan", "None.").register(registry).set(Double.NaN);
    Counter counter =
        Counter.build("peer_records_total", "Records, \"all\" of them\nand \\ more.")
            .labelNames("kind")
            .register(registry);
    counter.labels("ta\"b\\l\ne").inc(number);
    counter.labels("");
    Histogram histogram =
        Histogram.build("peer_classic_seconds", "Durations.").register(registry);
    for (double value : new double[] {0, 1e-9, 0.3, 0.7, 2, number, 1e12}) {
      histogram.observe(value);
    }
    Summary summary =
        Summary.build("peer_size_bytes", "Sizes.").quantile(0.5, 0.05).register(registry);
    for (int size = 0; size < 100; size++) {
      summary.observe(size);
    }
  }
}
