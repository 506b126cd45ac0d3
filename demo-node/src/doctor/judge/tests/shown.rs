//! What is made of several findings, and how all of it is shown.

use super::*;
use crate::doctor::{json::json, report::report};

#[test]
fn what_explains_others_comes_first() {
    let change = |facts: &mut Facts| {
        facts.told = Some(Told::Nodes(9));
        facts.points[1].management = Management::Rejected(Stranger::OtherKey);
        denied(facts, "ecs:DescribeServices");
    };
    let diagnosis = check(change, Code::TooFewNodes, Failure, "");
    let codes: Vec<_> = diagnosis.findings.iter().map(|it| it.code).collect();
    let expected = [Code::TooFewNodes, Code::OtherKey, Code::MissingPermission];
    assert_eq!(codes, expected);
}

#[test]
fn both_forms_of_the_report_say_all_of_it() {
    let mut facts = forming();
    denied(&mut facts, "ecs:DescribeServices");
    drop_as(&mut facts, 3, no_address(Missing::NoInterface));
    let diagnosis = judge(&facts);
    let text = report(&facts, &diagnosis, false);
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
        assert_eq!(line, line.trim_end());
    }
    let unbroken: String = text.split_whitespace().collect();
    for said in [
        arn(1),
        "from task metadata".to_owned(),
        "denied ecs:DescribeServices".to_owned(),
        "counts 10.0.0.2".to_owned(),
        "network mode is bridge".to_owned(),
        "outbound UDP 7355 to the same group, for gossip".to_owned(),
        diagnosis.first.clone(),
    ] {
        let said: String = said.split_whitespace().collect();
        assert!(unbroken.contains(&said), "{said}\n{text}");
    }
    assert!(!text.contains('\u{1b}'));
    let mut coloured = report(&facts, &diagnosis, true);
    assert!(coloured.contains("\u{1b}[31m"));
    for code in [
        "\u{1b}[1m",
        "\u{1b}[31m",
        "\u{1b}[32m",
        "\u{1b}[33m",
        "\u{1b}[0m",
    ] {
        coloured = coloured.replace(code, "");
    }
    assert_eq!(coloured, text);

    let json = json(&facts, &diagnosis);
    assert_eq!(json["verdict"], "failures");
    assert_eq!(json["first"], diagnosis.first);
    assert_eq!(json["findings"][0]["code"], "bridge-mode");
    assert_eq!(json["calls"][2]["result"], "denied");
    assert_eq!(json["calls"][2]["denied_on"], "*");
    assert_eq!(json["listed"][2]["counts"], false);
    assert_eq!(json["contact_points"][1]["clock_ahead_ms"], 10);
    assert_eq!(json["security_group"][0]["port"], 7626);
}

/// Programs rely on them, so they are where people look for them.
#[test]
fn the_readme_names_every_field_and_every_finding() {
    let readme = include_str!("../../../../README.md");
    let all = json(&forming(), &judge(&forming()));
    let mut names: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    names.extend(all.as_object().unwrap().keys().map(String::as_str));
    for part in [
        &all["findings"][0],
        &all["here"],
        &all["lookup"],
        &all["calls"][0],
        &all["listed"][0],
        &all["contact_points"][0],
        &all["security_group"][0],
    ] {
        names.extend(part.as_object().unwrap().keys().map(String::as_str));
    }
    for name in names {
        assert!(readme.contains(&format!("`{name}`")), "{name}");
    }
}
