use super::*;

#[test]
fn what_depends_on_a_record_that_is_alone_when_new_names_it() {
    for kind in ALONE_WHEN_NEW {
        let info = kind.info();
        for line in TABLE.iter().filter(|line| line.changed == *kind) {
            let ids = line.ids("record");
            let names_it = ids.contains("_id = record");
            // Through its own row it could lead to those that its parents concern.
            assert!(names_it && !ids.split(' ').any(|word| word == info.table), "{kind}: {ids}");
        }
    }
}

#[test]
fn every_line_names_nouns_and_the_table_is_sorted() {
    for line in TABLE {
        assert!(line.wakes.info().reconciled, "{}", line.wakes);
    }
    assert!(TABLE.is_sorted_by_key(|line| line.changed.as_str()));
}

#[test]
fn a_condition_names_the_record_as_it_is_told_to() {
    for line in TABLE {
        let ids = line.ids("$1");
        assert!(ids.contains(" $1") && !ids.contains("record"), "{ids}");
    }
    let condition = any_exists(Kind::GatewayDefinition, "$1");
    let own = "EXISTS (SELECT id FROM gateway_instances WHERE gateway_definition_id = $1 AND deleted_at IS NULL)";
    assert_eq!(condition.split(" OR EXISTS").count(), 2);
    assert!(condition.ends_with(own), "{condition}");
}
