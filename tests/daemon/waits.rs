//! Tests that do little but wait, side by side.

use std::panic::catch_unwind;
use std::thread;

use super::{files, full, outages, schedule, sheets, socket, told, twins};

/// Each with its name.
macro_rules! all {
    ($($test:path),* $(,)?) => {
        [$((stringify!($test), $test as fn())),*]
    };
}

#[test]
fn what_takes_its_time() {
    let tests = all![
        files::on_hold_is_on_hold_until_a_person_says_otherwise,
        files::what_is_broken_does_not_stop_the_others,
        full::nothing_is_sent_until_it_can_be_written_down,
        full::what_was_in_flight_is_not_doubled,
        outages::a_new_key_in_the_file_is_enough,
        outages::an_account_that_does_not_answer_is_tried_again,
        outages::a_source_that_is_gone_is_asked_less_and_less_often,
        schedule::a_tick_is_run_or_told_once_however_the_daemon_ends,
        sheets::an_edit_of_a_sheet_is_seen,
        sheets::connections_of_one_spreadsheet_share_its_reads,
        socket::a_decision_waits_for_the_run_and_gives_up,
        told::a_part_of_a_run_is_no_change_of_state,
        told::one_message_when_a_state_changes,
        told::who_cannot_be_told_holds_up_nothing,
        twins::a_lost_answer_is_found_the_same,
        twins::a_lost_answer_is_not_found_the_same,
    ];
    let failed = thread::scope(|scope| {
        let running = tests.map(|(name, test)| (name, scope.spawn(move || catch_unwind(test).is_err())));
        running.into_iter().filter_map(|(name, test)| test.join().unwrap().then_some(name)).collect::<Vec<_>>()
    });
    assert!(failed.is_empty(), "failed: {failed:#?}");
}
