use std::io::Read as _;

use flate2::read::GzDecoder;
use proptest::prelude::*;

use super::*;
use crate::expose::test_cut::{self, NOW, scalars};
use crate::expose::{Escaping, Format};
use crate::model::MetricType;
use crate::store::BLOCK_ROWS;
use crate::store::model_tests::{Played, steps};

const OPEN_METRICS: PageFormat = PageFormat {
    format: Format::OpenMetrics,
    escaping: Escaping::Underscores,
    created_samples: true,
};
const FORMS: [PageFormat; 3] = [
    PageFormat::TEXT,
    OPEN_METRICS,
    PageFormat { format: Format::Text, escaping: Escaping::AllowUtf8, created_samples: false },
];

fn cache() -> PageCache {
    PageCache::new(IntGauge::new("size", "Bytes.").expect("a name"))
}

fn gzip(cache: &PageCache, cut: &Cut, own: &[Family], now: Timestamp, form: PageFormat) -> Vec<u8> {
    let mut page = Vec::new();
    let flow = cache.render(cut, own, now, form, |chunk| {
        page.extend(chunk);
        ControlFlow::Continue(())
    });
    assert!(flow.is_continue());
    page
}

fn unpacked(page: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(page).read_to_string(&mut text).expect("a whole stream");
    text
}

/// The page as it is rendered by whoever keeps nothing.
fn rendered(cut: &Cut, own: &[Family], now: Timestamp, form: PageFormat) -> String {
    let mut page = Vec::new();
    let flow = expose::render(cut, own, now, form, |chunk| {
        page.extend(chunk);
        ControlFlow::Continue(())
    });
    assert!(flow.is_continue());
    String::from_utf8(page).expect("UTF-8")
}

fn blocks(cache: &PageCache, form: PageFormat) -> Vec<Arc<Block>> {
    cache.blocks(form).values().cloned().collect()
}

fn shared(before: &[Arc<Block>], after: &[Arc<Block>]) -> usize {
    before.iter().filter(|one| after.iter().any(|other| Arc::ptr_eq(one, other))).count()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever happened to the store since which of its pages was asked for.
    #[test]
    fn a_page_is_the_same_as_if_nothing_had_been_kept(
        steps in steps(),
        asked in prop::collection::vec(prop::sample::subsequence(vec![0, 1, 2], 0..=2), 25),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let runtime = runtime.expect("a runtime");
        let _entered = runtime.enter();
        let cache = cache();
        let mut played = Played::new();
        for ((step, forms), number) in steps.iter().zip(asked).zip(0_u32..) {
            played.play(step);
            let now = played.now;
            let own = [scalars("a_own", MetricType::Gauge, &[("", number.into())])];
            for form in forms {
                let (cut, form) = (played.store.scrape(now), FORMS[form]);
                let page = unpacked(&gzip(&cache, &cut, &own, now, form));
                prop_assert_eq!(page, rendered(&cut, &own, now, form), "after {:?}", step);
            }
        }
    }
}

/// Everything that a page can hold, twice, and later, when windows have moved on.
#[tokio::test]
async fn every_kind_of_family_is_put_together_as_it_is_rendered() {
    let (cache, cut) = (cache(), test_cut::cut());
    for form in FORMS {
        for later in [0, 0, 400_000, 1_000_000] {
            let now = Timestamp(NOW.0 + later);
            let page = unpacked(&gzip(&cache, &cut, &[], now, form));
            assert_eq!(page, rendered(&cut, &[], now, form));
        }
    }
}

#[tokio::test]
async fn what_did_not_change_is_used_again() {
    let (cache, mut played) = (cache(), Played::new());
    let texts: Vec<String> = (0..5 * BLOCK_ROWS).map(|n| format!("n=\"{n}\"")).collect();
    let rows: Vec<(&str, f64)> = texts.iter().map(|text| (text.as_str(), 1.0)).collect();
    let small = |n| scalars(&format!("small_{n}"), MetricType::Gauge, &[("", 1.0)]);
    let families: Vec<Family> =
        (0..7).map(small).chain([scalars("large", MetricType::Gauge, &rows)]).collect();
    played.store = crate::store::Store::restore(Cut { families, ..Cut::default() }, 100);
    let first = played.store.scrape(NOW);
    let page = gzip(&cache, &first, &[], NOW, OPEN_METRICS);
    let before = blocks(&cache, OPEN_METRICS);
    assert_eq!(before.len(), 5 + 7_usize.div_ceil(BLOCK_ROWS) + 1, "with the end");
    assert_eq!(gzip(&cache, &first, &[], NOW, OPEN_METRICS), page);
    assert_eq!(shared(&before, &blocks(&cache, OPEN_METRICS)), before.len());

    let mut second = played.store.scrape(NOW);
    second.families[0].help = "What it is.".into();
    let renamed = gzip(&cache, &second, &[], NOW, OPEN_METRICS);
    assert_ne!(renamed, page);
    assert_eq!(shared(&before, &blocks(&cache, OPEN_METRICS)), before.len() - 1, "its block alone");
    second.families.truncate(1);
    gzip(&cache, &second, &[], NOW, OPEN_METRICS);
    assert_eq!(blocks(&cache, OPEN_METRICS).len(), 2, "what is gone is not kept");
}

/// A row that is new far away can take the name under which another row's label was served.
#[tokio::test]
async fn a_label_that_is_spelled_otherwise_is_rendered_again() {
    let cache = cache();
    let mut rows = vec![("\"x.y\"=\"1\"", 1.0); BLOCK_ROWS];
    let mut family = scalars("a", MetricType::Gauge, &rows);
    for another in ["", "x_y=\"1\""] {
        rows.push((another, 2.0));
        family.labels = rows.iter().map(|(labels, _)| *labels).collect();
        family.values =
            crate::store::Values::Scalars(rows.iter().map(|(_, value)| *value).collect());
        let cut = Cut { families: vec![family.clone()], ..Cut::default() };
        let page = unpacked(&gzip(&cache, &cut, &[], NOW, PageFormat::TEXT));
        assert_eq!(page, rendered(&cut, &[], NOW, PageFormat::TEXT));
    }
}

#[tokio::test]
async fn a_page_that_broke_off_leaves_what_was_kept() {
    let (cache, cut) = (cache(), test_cut::cut());
    gzip(&cache, &cut, &[], NOW, PageFormat::TEXT);
    let before = blocks(&cache, PageFormat::TEXT);
    let flow =
        cache.render(&Cut::default(), &[], NOW, PageFormat::TEXT, |_| ControlFlow::Break(()));
    assert!(flow.is_break());
    assert_eq!(shared(&before, &blocks(&cache, PageFormat::TEXT)), before.len());
}

/// One is read slowly: while it waits, others come and go.
#[tokio::test]
async fn pages_rendered_at_the_same_time_are_each_their_own() {
    let cache = cache();
    let cut = |value| {
        let families = vec![scalars("a", MetricType::Gauge, &[("", value)])];
        Cut { families, ..Cut::default() }
    };
    let (slow, quick) = (cut(1.0), cut(2.0));
    let mut page = Vec::new();
    let flow = cache.render(&slow, &[], NOW, PageFormat::TEXT, |chunk| {
        let other = unpacked(&gzip(&cache, &quick, &[], NOW, PageFormat::TEXT));
        assert_eq!(other, rendered(&quick, &[], NOW, PageFormat::TEXT));
        page.extend(chunk);
        ControlFlow::Continue(())
    });
    assert!(flow.is_continue());
    assert_eq!(unpacked(&page), rendered(&slow, &[], NOW, PageFormat::TEXT));
    let other = unpacked(&gzip(&cache, &quick, &[], NOW, PageFormat::TEXT));
    assert_eq!(other, rendered(&quick, &[], NOW, PageFormat::TEXT));
}

#[tokio::test(start_paused = true)]
async fn two_pages_are_kept_for_five_minutes() {
    let (cache, cut) = (cache(), test_cut::cut());
    let sizes = FORMS.map(|form| {
        gzip(&cache, &cut, &[], NOW, form);
        usize::try_from(cache.size.get()).expect("a size")
    });
    assert!(0 < sizes[0] && sizes[0] < sizes[1], "{sizes:?}");
    let is_kept = |cache: &PageCache| FORMS.map(|form| !cache.blocks(form).is_empty());
    assert_eq!(is_kept(&cache), [false, true, true], "the last two");
    tokio::time::sleep(KEPT_FOR / 2).await;
    gzip(&cache, &cut, &[], NOW, OPEN_METRICS);
    tokio::time::sleep(KEPT_FOR / 2 + Duration::from_secs(1)).await;
    assert_eq!(is_kept(&cache), [false, true, false], "one was asked for again");
    tokio::time::sleep(KEPT_FOR).await;
    assert_eq!(is_kept(&cache), [false; 3]);
    assert_eq!(cache.size.get(), 0);
    gzip(&cache, &cut, &[], NOW, PageFormat::TEXT);
    tokio::time::sleep(KEPT_FOR * 2).await;
    assert_eq!(is_kept(&cache), [false; 3], "again, after there was nothing to forget");
}
