//! The settings that documents name exist.

use demo_node::config::settings;
use integration_test::documents::{DOCUMENTS, mentioned};

#[test]
fn every_setting_that_a_document_names_exists() {
    let mut named = 0;
    for document in DOCUMENTS {
        for word in mentioned(document) {
            let name = word.split([' ', '=']).next().unwrap_or_default();
            let section = name.split('.').next().unwrap_or_default();
            let is_setting = settings().any(|setting| setting.section() == section)
                && name.contains('.')
                && name
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c))
                && !name.ends_with(".rs")
                && !name.ends_with(".json");
            if is_setting {
                named += 1;
                assert!(
                    settings().any(|setting| setting.name == name),
                    "{document} names the setting `{name}`, which does not exist"
                );
            }
        }
    }
    assert!(50 < named, "only {named} settings are named");
}
