//! The table of permissions in the templates' README says what the templates grant.

use std::{collections::BTreeSet, fs};

use deploy::templates::folder;

use crate::support::{choices, granted_to_nodes};

/// A row of the table.
struct Row {
    permission: String,
    resource: String,
    condition: String,
    made_in: String,
}

#[test]
fn every_permission_has_a_row_and_every_row_a_permission() {
    let rows: BTreeSet<_> = rows().into_iter().map(|row| row.permission).collect();

    assert_eq!(rows, granted_to_nodes().into_keys().collect());
}

#[test]
fn a_row_names_the_conditions_and_the_resource_of_its_permission() {
    let granted = granted_to_nodes();
    for row in rows() {
        let Row {
            permission,
            resource,
            condition,
            ..
        } = row;
        for statement in &granted[&permission] {
            let everything = choices(&statement["Resource"]).iter().any(|r| *r == "*");
            assert_eq!(resource == "`*`", everything, "{permission}");

            let operators = statement["Condition"].as_object().into_iter().flatten();
            let keys = operators.flat_map(|(_, keys)| keys.as_object().into_iter().flatten());
            let keys: Vec<_> = keys.map(|(key, _)| key).collect();
            assert_eq!(condition.is_empty(), keys.is_empty(), "{permission}");
            for key in keys {
                assert!(condition.contains(key.as_str()), "{permission}: {key}");
            }
        }
    }
}

#[test]
fn a_row_leads_to_the_line_that_makes_the_call() {
    for row in rows() {
        let mut links = 0;
        for link in row.made_in.split(", ") {
            let (what, file) = link.trim_matches(['[', ')']).split_once("](").unwrap();
            let text = fs::read_to_string(folder().join(file)).unwrap();
            let what = what.trim_matches('`');
            assert!(text.contains(what), "{file} has no {what}");
            links += 1;
        }
        assert!(0 < links, "{} is made nowhere", row.permission);
    }
}

fn rows() -> Vec<Row> {
    let readme = fs::read_to_string(folder().join("README.md")).unwrap();
    let (_, table) = readme.split_once("| Permission |").unwrap();
    let lines = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let rows = lines.map(|line| {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [permission, resource, condition, _, made_in] = cells.try_into().unwrap();
        Row {
            permission: permission.trim_matches('`').to_owned(),
            resource: resource.to_owned(),
            condition: condition.to_owned(),
            made_in: made_in.to_owned(),
        }
    });
    rows.collect()
}
