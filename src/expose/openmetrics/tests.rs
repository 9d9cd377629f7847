//! Pages letter by letter, and families that do not fit the format.

use crate::expose::test_cut::{self, NOW, scalars};
use crate::expose::{Escaping, Format, PageFormat, bytes};
use crate::model::MetricType::{Counter, Gauge, Histogram, Summary};
use crate::store::summary::{Objective, Window};
use crate::store::{Cut, Family, TextColumn, Values};

const FORM: PageFormat = PageFormat {
    format: Format::OpenMetrics,
    escaping: Escaping::Underscores,
    created_samples: true,
};

fn page(cut: &Cut, form: PageFormat) -> String {
    String::from_utf8(bytes(cut, &[], NOW, form)).expect("UTF-8")
}

fn page_of(families: Vec<Family>) -> String {
    page(&Cut { families, ..Cut::default() }, FORM)
}

const EVERYTHING: &str = r##"# TYPE bytes unknown
bytes 1e21
# TYPE jobs counter
# HELP jobs Jobs \"done\".\nAll of them: C:\\
jobs_total{job="a"} 3 # {trace_id="4b\"f9"} 0.5 1700000000.007
jobs_created{job="a"} 1700000000.120
jobs_total{job="",instance=""} 0.5
# TYPE load_ratio gauge
# UNIT load_ratio ratio
load_ratio -1.5
load_ratio{w="1"} 2.5
# TYPE my__name_ counter
my__name__total 1
my__name__total{U__l_2e_a="\"",U__l_20_a="2",b="="} 2
my__name__total{l_a="4"} 3
# TYPE native histogram
native_bucket{n="1",le="+Inf"} 11
native_sum{n="1"} 7.5
native_count{n="1"} 11
native_bucket{n="2",le="+Inf"} 0
native_sum{n="2"} 0
native_count{n="2"} 0
# TYPE size summary
size{quantile="0.5"} 4
size_sum 4
size_count 1
size_created 1700000000.120
size{q="1",quantile="0.9"} 2.5
size{q="1",quantile="1.0"} NaN
size_sum{q="1"} 70
size_count{q="1"} 7
size_created{q="1"} 1700000000.120
# TYPE thing unknown
thing NaN
# TYPE wait_seconds histogram
# UNIT wait_seconds seconds
wait_seconds_bucket{path="/",le="0.25"} 1 # {id="1"} 0.2
wait_seconds_bucket{path="/",le="1.0"} 1
wait_seconds_bucket{path="/",le="10.0"} 3
wait_seconds_bucket{path="/",le="+Inf"} 4 # {} 20 1700000001
wait_seconds_sum{path="/"} 30.5
wait_seconds_count{path="/"} 4
wait_seconds_created{path="/"} 1700000000.120
wait_seconds_bucket{le="0.25"} 0
wait_seconds_bucket{le="1.0"} 0
wait_seconds_bucket{le="10.0"} 0
wait_seconds_bucket{le="+Inf"} 0
wait_seconds_sum 0
wait_seconds_count 0
# EOF
"##;

#[test]
fn everything_that_a_page_can_hold() {
    let cut = test_cut::cut();
    assert_eq!(page(&cut, FORM), EVERYTHING);
    let without: Vec<_> = EVERYTHING.lines().filter(|line| !line.contains("_created")).collect();
    let form = PageFormat { created_samples: false, ..FORM };
    assert!(page(&cut, form).lines().eq(without));
    let utf8 = page(&cut, PageFormat { escaping: Escaping::AllowUtf8, ..FORM });
    for line in [
        r#"# TYPE "my.\"name\"" counter"#,
        r#"{"my.\"name\"_total"} 1"#,
        r#"{"my.\"name\"_total","l.a"="\"","l a"="2",b="="} 2"#,
    ] {
        assert!(utf8.lines().any(|candidate| candidate == line), "no {line} in\n{utf8}");
    }
    assert_eq!(page(&Cut::default(), FORM), "# EOF\n");
}

fn histogram(name: &str, bounds: &[f64], sum: f64) -> Family {
    Family {
        labels: TextColumn::from_iter([""]),
        values: Values::Histograms {
            bounds: bounds.into(),
            counts: vec![1; bounds.len() + 1],
            sums: vec![sum],
        },
        ..Family::empty(name, Histogram)
    }
}

#[test]
fn what_does_not_fit_comes_apart_and_keeps_its_names() {
    let counter = |name: &str, value| scalars(name, Counter, &[("", value)]);
    let gauge = |name: &str| scalars(name, Gauge, &[("", 1.0)]);
    let cases = [
        (vec![counter("a_total", 1.0), gauge("a")], "a_total"),
        (vec![counter("a_total", 1.0), gauge("a_created")], "a_total"),
        (vec![counter("a_total", 1.0), counter("a_total_total", 1.0)], "a_total_total"),
        (vec![counter("a", 1.0)], "a"),
        (vec![counter("_total", 1.0)], "_total"),
        (vec![counter("a_total", -1.0)], "a_total"),
        (vec![counter("a_total", f64::NAN)], "a_total"),
        (vec![histogram("h", &[1.0], 1.0), gauge("h_created")], "h_bucket"),
        (vec![histogram("h", &[-1.0], 1.0)], "h_sum"),
        (vec![histogram("h", &[1.0], -0.5)], "h_count"),
    ];
    for (families, unknown) in cases {
        let page = page_of(families);
        assert!(page.contains(&format!("# TYPE {unknown} unknown\n{unknown}")), "{page}");
    }
    let fits = page_of(vec![counter("a_total", 1.0), counter("a", 1.0), gauge("a_sum")]);
    assert!(fits.contains("# TYPE a_total unknown\n"), "`a` is the other's: {fits}");

    let apart = page_of(vec![histogram("h", &[-1.0, 1.0], 3.0)]);
    let expected = "# TYPE h_bucket unknown\nh_bucket{le=\"-1.0\"} 1\nh_bucket{le=\"1.0\"} 2\n\
                    h_bucket{le=\"+Inf\"} 3\n# TYPE h_sum unknown\nh_sum 3\n\
                    # TYPE h_count unknown\nh_count 3\n# EOF\n";
    assert_eq!(apart, expected);
}

fn summary(sum: f64) -> Family {
    let values = Values::Summaries {
        objectives: [].into(),
        counts: vec![2],
        sums: vec![sum],
        windows: Vec::new(),
    };
    Family { labels: TextColumn::from_iter([""]), values, ..Family::empty("s", Summary) }
}

#[test]
fn summaries_of_negative_values_come_apart() {
    let mut negative = summary(-4.0);
    negative.quantiles.set(0, Some([(0.5, -2.0)].as_slice().into()));
    let expected = "# TYPE s unknown\ns{quantile=\"0.5\"} -2\n# TYPE s_sum unknown\ns_sum -4\n\
                    # TYPE s_count unknown\ns_count 2\n# EOF\n";
    assert_eq!(page_of(vec![negative]), expected);
    for (pushed, fits) in
        [((0.5, 1.0), true), ((0.5, f64::NAN), true), ((0.5, -1.0), false), ((1.5, 1.0), false)]
    {
        let mut family = summary(4.0);
        family.quantiles.set(0, Some([pushed].as_slice().into()));
        assert_eq!(page_of(vec![family]).contains("# TYPE s summary\n"), fits, "{pushed:?}");
    }

    let objectives = [Objective { quantile: 0.1, epsilon: 0.05 }];
    for (observed, fits) in [([3.0, 2.0], true), ([3.0, -2.0], false)] {
        let mut window = Window::new(NOW);
        observed.iter().for_each(|value| window.observe(&objectives, *value, NOW));
        let mut family = summary(1.0);
        if let Values::Summaries { objectives: of, windows, .. } = &mut family.values {
            (*of, *windows) = (objectives.into(), vec![window.into()]);
        }
        assert_eq!(page_of(vec![family]).contains("# TYPE s summary\n"), fits, "{observed:?}");
    }
}

#[test]
fn infos_and_statesets_are_told_by_what_they_are() {
    let gauge = |name: &str, rows: &[(&str, f64)]| {
        let labels = rows.iter().map(|(labels, _)| *labels).collect();
        let values = Values::Scalars(rows.iter().map(|(_, value)| *value).collect());
        Family { labels, values, ..Family::empty(name, Gauge) }
    };
    let type_of = |families: Vec<Family>, name: &str| {
        let page = page_of(families);
        let line = page.lines().find(|line| line.starts_with(&format!("# TYPE {name} ")));
        line.map(|line| line.rsplit(' ').next().expect("a type").to_owned())
    };
    let build = || gauge("build_info", &[("version=\"1\"", 1.0), ("version=\"2\"", 1.0)]);
    assert_eq!(
        page_of(vec![build()]),
        "# TYPE build info\nbuild_info{version=\"1\"} 1\nbuild_info{version=\"2\"} 1\n# EOF\n"
    );
    let states = || gauge("up", &[("up=\"on\"", 1.0), ("up=\"off\"", 0.0)]);
    assert_eq!(type_of(vec![states()], "up").as_deref(), Some("stateset"));
    // No longer so.
    let other = gauge("build_info", &[("version=\"1\"", 1.0), ("", 2.0)]);
    assert_eq!(type_of(vec![other], "build_info").as_deref(), Some("gauge"));
    for value in [2.0, f64::NAN] {
        let other = gauge("up", &[("up=\"on\"", value)]);
        assert_eq!(type_of(vec![other], "up").as_deref(), Some("gauge"));
    }
    let unlabelled = gauge("up", &[("up=\"on\"", 1.0), ("down=\"on\"", 1.0)]);
    assert_eq!(type_of(vec![unlabelled], "up").as_deref(), Some("gauge"));
    let with_unit = Family { unit: "info".into(), ..build() };
    assert_eq!(type_of(vec![with_unit], "build_info").as_deref(), Some("gauge"));
    // The name is another's, as a family or as a counter's.
    let another = gauge("build", &[("", 1.0)]);
    assert_eq!(type_of(vec![another, build()], "build_info").as_deref(), Some("gauge"));
    let counter = Family { metric_type: Counter, ..gauge("build_total", &[("", 1.0)]) };
    let families = vec![build(), counter];
    assert_eq!(type_of(families.clone(), "build").as_deref(), Some("counter"));
    assert_eq!(type_of(families, "build_info").as_deref(), Some("gauge"));
    assert_eq!(type_of(vec![gauge("_info", &[("", 1.0)])], "_info").as_deref(), Some("gauge"));
}
