use super::*;
use proptest::prelude::*;

fn expanded(expression: &str) -> String {
    parse(expression).unwrap().join(" ")
}

#[test]
fn expressions_expand_as_scontrol_shows_them() {
    for (expression, hosts) in [
        ("n1", "n1"),
        ("n[1-3]", "n1 n2 n3"),
        ("n[01-03]", "n01 n02 n03"),
        ("n[1,3,5-6]", "n1 n3 n5 n6"),
        ("n[8-11]", "n8 n9 n10 n11"),
        ("n[08-11]", "n08 n09 n10 n11"),
        ("n[098-101]", "n098 n099 n100 n101"),
        ("n[1-2],m[1-2]", "n1 n2 m1 m2"),
        ("n1,n2,n1", "n1 n2 n1"),
        ("n[3,1,2]", "n3 n1 n2"),
        ("a[1-2]b[1-2]", "a1b1 a1b2 a2b1 a2b2"),
        ("rack[0-1]node[1-2]-ib", "rack0node1-ib rack0node2-ib rack1node1-ib rack1node2-ib"),
        ("n[1-2].cluster", "n1.cluster n2.cluster"),
        ("n1]", "n1]"),
        ("n[1-]", "n1"),
        ("[1-3]", "1 2 3"),
        ("n[00-2]", "n00 n01 n02"),
        ("n[9-010]", "n9 n10"),
        ("n1 n2", "n1 n2"),
        ("n1, n2", "n1 n2"),
        ("n1,,n2", "n1 n2"),
        (",n1", "n1"),
        ("tux[1-2][1-2]", "tux11 tux12 tux21 tux22"),
        ("n[1-3],-n2", "n1 n2 n3 -n2"),
        ("n{1,2}", "n{1 2}"),
        ("", ""),
    ] {
        assert_eq!(expanded(expression), hosts, "{expression}");
    }
}

#[test]
fn bad_ranges_say_which_and_where() {
    for (expression, range, position) in
        [("n[5-3]", "5-3", 2), ("n[]", "", 2), ("n[a-c]", "a-c", 2), ("bgl[000x133]", "000x133", 4), ("n[1,,2]", "", 4)]
    {
        let error = HostlistError::InvalidRange { range: range.to_owned(), position };
        assert_eq!(parse(expression), Err(error), "{expression}");
    }
    assert_eq!(parse("n[5-3]").unwrap_err().to_string(), "Invalid range: `5-3'");
    assert_eq!(parse("n[1-70000]").unwrap_err().to_string(), "Too many hosts in range `1-70000'");
    assert_eq!(parse("n[1"), Err(HostlistError::Unclosed { position: 1 }));
}

#[test]
fn expansion_is_bounded_before_it_allocates() {
    assert_eq!(parse("n[1-65536]").unwrap().len(), HOSTS_MAX);
    assert!(matches!(parse("n[1-1000]m[1-1000]"), Err(HostlistError::TooManyHosts { position: 0 })));
    assert!(matches!(parse("n[1-60000],m[1-60000]"), Err(HostlistError::TooManyHosts { position: 11 })));
    assert!(matches!(parse(&"[0-9]".repeat(17)), Err(HostlistError::TooManyGroups { .. })));
    assert!(matches!(parse(&"x".repeat(300)), Err(HostlistError::NameTooLong { .. })));
}

#[test]
fn lists_fold_as_scontrol_prints_them() {
    for (hosts, folded) in [
        ("n1,n2,n3", "n[1-3]"),
        ("n3,n1,n2", "n[3,1-2]"),
        ("n01,n02,n03", "n[01-03]"),
        ("n9,n10,n11", "n[9-11]"),
        ("n09,n10,n11", "n[09-11]"),
        ("n1,n01,n001", "n[1,01,001]"),
        ("n1,n1,n2", "n[1,1-2]"),
        ("a1,b1,a2", "a1,b1,a2"),
        ("n1-ib,n2-ib", "n1-ib,n2-ib"),
        ("r1n1,r1n2,r2n1,r2n2", "r1n[1-2],r2n[1-2]"),
        ("host,host1", "host,host1"),
        ("n1,n2,m1,m2,n3", "n[1-2],m[1-2],n3"),
        ("n99,n100", "n[99-100]"),
        ("n099,n100", "n[099-100]"),
        ("1,2,3", "[1-3]"),
        ("n1,n2,n4,n5,n6,n8", "n[1-2,4-6,8]"),
        ("n0", "n0"),
        ("", ""),
    ] {
        assert_eq!(fold(&parse(hosts).unwrap()), folded, "{hosts}");
    }
    assert_eq!(fold(&parse("tux[1-3],tux[2-4]").unwrap()), "tux[1-3,2-4]");
}

#[test]
fn sorting_orders_by_text_then_padding_then_number() {
    for (hosts, folded) in [
        ("n3,n1,n2", "n[1-3]"),
        ("n10,n9,n1", "n[1,9-10]"),
        ("b1,a1,b2", "a1,b[1-2]"),
        ("n01,n1,n02", "n[1,01-02]"),
        ("n1,n1,n2", "n[1,1-2]"),
        ("n2-ib,n1-ib", "n1-ib,n2-ib"),
        ("n2,n01,n1,n02", "n[1-2,01-02]"),
        ("n2,n001,n01,n1,n3", "n[1-3,01,001]"),
        ("n099,n100,n098", "n[098-100]"),
        ("n10,n1,n01,n100", "n[1,01,10,100]"),
        ("a10,a9,b,a", "a,a[9-10],b"),
        ("n[1-2],n[1-2]", "n[1,1-2,2]"),
    ] {
        let mut names = parse(hosts).unwrap();
        sort(&mut names);
        assert_eq!(fold(&names), folded, "{hosts}");
    }
    assert_eq!(fold_sorted(&["n2", "n1", "n2"]), "n[1-2]");
}

proptest! {
    #[test]
    fn parse_undoes_fold(names in proptest::collection::vec("[a-c]{0,2}[0-9]{0,4}(-x)?", 0..40)) {
        let names: Vec<String> = names.into_iter().filter(|n| !n.is_empty()).collect();
        prop_assert_eq!(parse(&fold(&names)).unwrap(), names);
    }

    #[test]
    fn no_text_panics(text in "[n\\[\\]0-9,\\- é]{0,40}") {
        let _ = parse(&text);
    }
}
