import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.Gauge;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.core.metrics.Info;
import io.prometheus.metrics.core.metrics.StateSet;
import io.prometheus.metrics.core.metrics.Summary;
import io.prometheus.metrics.exporter.pushgateway.Format;
import io.prometheus.metrics.exporter.pushgateway.PushGateway;
import io.prometheus.metrics.instrumentation.jvm.JvmMetrics;
import io.prometheus.metrics.model.registry.MultiCollector;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import java.util.Arrays;

/**
 * The Java client of today pushes what it gathers once to each address:
 *
 * <pre>NewClient push|push-text|add|delete NUMBER ADDRESS...</pre>
 */
public class NewClient {
  enum State {
    ON,
    OFF
  }

  public static void main(String[] arguments) throws Exception {
    String step = arguments[0];
    PrometheusRegistry measured = new PrometheusRegistry();
    JvmMetrics.builder().register(measured);
    measure(measured, Double.parseDouble(arguments[1]));
    MetricSnapshots gathered = measured.scrape();
    PrometheusRegistry registry = new PrometheusRegistry();
    registry.register((MultiCollector) () -> gathered);
    boolean text = step.equals("push-text");
    for (String address : Arrays.copyOfRange(arguments, 2, arguments.length)) {
      PushGateway gateway =
          PushGateway.builder()
              .address(address)
              .format(text ? Format.PROMETHEUS_TEXT : Format.PROMETHEUS_PROTOBUF)
              .job("java-client")
              .groupingKey("volume", "/var/lib")
              .registry(registry)
              .build();
      switch (step) {
        case "push", "push-text" -> gateway.push();
        case "add" -> gateway.pushAdd();
        case "delete" -> gateway.delete();
        default -> throw new IllegalArgumentException(step);
      }
    }
  }

  static void measure(PrometheusRegistry registry, double number) {
    Gauge.builder().name("peer_step").register(registry).set(number);
    Gauge.builder().name("peer_nan").register(registry).set(Double.NaN);
    Counter counter =
        Counter.builder()
            .name("peer_records_total")
            .help("Records, \"all\" of them\nand \\ more.")
            .labelNames("kind")
            .register(registry);
    counter.labelValues("ta\"b\\l\ne").inc(number);
    counter.initLabelValues("");
    Histogram[] histograms = {
      Histogram.builder().name("peer_classic_seconds").classicOnly().register(registry),
      Histogram.builder().name("peer_native_seconds").nativeOnly().register(registry),
      Histogram.builder().name("peer_both_seconds").register(registry),
    };
    for (Histogram histogram : histograms) {
      for (double value : new double[] {0, 1e-9, 0.3, 0.7, 2, number, 1e12}) {
        histogram.observe(value);
      }
    }
    Summary summary =
        Summary.builder().name("peer_size_bytes").quantile(0.5, 0.05).register(registry);
    for (int size = 0; size < 100; size++) {
      summary.observe(size);
    }
    Info.builder().name("peer_build_info").labelNames("version").register(registry)
        .setLabelValues("1.2");
    StateSet.builder().name("peer_switch").states(State.class).register(registry)
        .setTrue(State.ON);
  }
}
