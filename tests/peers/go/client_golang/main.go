// The official Go client pushes what it gathers once to each address, so that what they serve can
// be compared:
//
//	client_golang push|push-text|add|delete[-finite] NUMBER ADDRESS...
//
// Beside metrics of each kind it pushes the default registry: the collectors of the Go runtime,
// with everything they know, of the process and of the build. With -finite it leaves out what
// cannot be added up, a histogram that observed NaN.
package main

import (
	"log"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/push"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

func main() {
	log.SetFlags(0)
	step, finite := strings.CutSuffix(os.Args[1], "-finite")
	number, err := strconv.ParseFloat(os.Args[2], 64)
	if err != nil {
		log.Fatal(err)
	}
	prometheus.Unregister(collectors.NewGoCollector())
	prometheus.MustRegister(
		collectors.NewGoCollector(collectors.WithGoCollectorRuntimeMetrics(collectors.MetricsAll)),
		collectors.NewBuildInfoCollector(),
	)
	measure(number, finite)
	families, err := prometheus.DefaultGatherer.Gather()
	if err != nil {
		log.Fatal(err)
	}
	gathered := prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return families, nil })
	for _, address := range os.Args[3:] {
		pusher := push.New(address, "go-client").Gatherer(gathered).
			Grouping("volume", "/var/lib").Grouping("empty", "").Grouping("zone", "grün")
		switch step {
		case "push":
			err = pusher.Push()
		case "push-text":
			err = pusher.Format(expfmt.NewFormat(expfmt.TypeTextPlain)).Push()
		case "add":
			err = pusher.Add()
		case "delete":
			err = pusher.Delete()
		default:
			log.Fatalf("%q: expected push, push-text, add or delete", step)
		}
		if err != nil {
			log.Fatalf("%s to %s: %v", step, address, err)
		}
	}
}

// measure makes metrics of each kind.
func measure(number float64, finite bool) {
	gauge := func(name string, value float64) {
		gauge := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: "A number."})
		gauge.Set(value)
		prometheus.MustRegister(gauge)
	}
	gauge("peer_step", number)
	gauge("peer_nan", math.NaN())
	gauge("peer_infinite", math.Inf(-1))
	gauge("peer_large", 123456789e30)

	counters := prometheus.NewCounterVec(
		prometheus.CounterOpts{Name: "peer_records_total", Help: "Records, \"all\" of them\nand \\ more."},
		[]string{"kind"},
	)
	counters.WithLabelValues("ta\"b\\l\ne").(prometheus.ExemplarAdder).
		AddWithExemplar(number, prometheus.Labels{"trace_id": "abc"})
	counters.WithLabelValues("")
	prometheus.MustRegister(counters)
	prometheus.MustRegister(prometheus.NewUntypedFunc(
		prometheus.UntypedOpts{Name: "peer_untyped", Help: "Whatever."},
		func() float64 { return -number },
	))

	histograms := []prometheus.HistogramOpts{
		{Name: "peer_classic_seconds", Buckets: []float64{-1, 1e-7, 0.5, 1, 1e9}},
		{Name: "peer_native_seconds", NativeHistogramBucketFactor: 1.1},
		{Name: "peer_both_seconds", NativeHistogramBucketFactor: 2, Buckets: prometheus.DefBuckets},
		{Name: "peer_empty_seconds", NativeHistogramBucketFactor: 1.1},
	}
	for at, options := range histograms {
		options.Help = "Durations."
		histogram := prometheus.NewHistogram(options)
		if at < 3 {
			for _, value := range []float64{-3, 0, 1e-9, 0.3, 0.7, 2, 1e12} {
				histogram.Observe(value)
			}
			histogram.(prometheus.ExemplarObserver).
				ObserveWithExemplar(number, prometheus.Labels{"trace_id": "abc"})
		}
		prometheus.MustRegister(histogram)
	}

	if !finite {
		// Nobody should observe it, and somebody does: the sum is NaN from then on.
		histogram := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "peer_nan_seconds"})
		histogram.Observe(math.NaN())
		histogram.Observe(1)
		prometheus.MustRegister(histogram)
	}

	for _, name := range []string{"peer_size_bytes", "peer_no_size_bytes"} {
		summary := prometheus.NewSummary(prometheus.SummaryOpts{
			Name: name, Help: "Sizes.", Objectives: map[float64]float64{0.5: 0.05, 0.99: 0.001},
		})
		prometheus.MustRegister(summary)
		if name == "peer_size_bytes" {
			for size := range 100 {
				summary.Observe(float64(size))
			}
		}
	}
}
