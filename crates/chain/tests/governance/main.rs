//! The governance contracts and the client, on every chain there is: each case below is written once, takes a chain, and
//! runs on the embedded node and on anvil (a real Ethereum node, when installed).
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::print_stderr,
    clippy::too_many_lines,
    reason = "tests may panic and say what gas they saw; a case tells one story from its beginning to its end"
)]

mod chain;
mod challenge;
mod client;
mod compiled;
mod court;
mod dates;
mod dispute;
mod enforcer;
mod finality;
mod gas;
mod large;
mod ledger;
mod merkle;
mod mining;
mod nodes;
mod omission;
mod quorum;
mod registry;
mod succession;
mod world;

/// Makes two tests of each case, one per chain.
macro_rules! on_every_chain {
    ($($module:ident: $($case:ident),+;)+) => {
        on_every_chain!(@chain anvil $($module: $($case),+;)+);
        on_every_chain!(@chain embedded $($module: $($case),+;)+);
    };
    (@chain $chain:ident $($module:ident: $($case:ident),+;)+) => {
        mod $chain {$(
            mod $module {$(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    if let Some(chain) = crate::chain::Chain::$chain().await {
                        crate::$module::$case(chain).await;
                    }
                }
            )+}
        )+}
    };
}

on_every_chain! {
    registry:
        a_version_comes_into_force,
        approvals_need_distinct_roles_and_accounts,
        an_author_can_not_approve,
        only_holders_of_a_role_act,
        the_code_must_be_what_was_named,
        paths_have_one_form,
        the_time_lock_holds,
        a_revoked_approver_counts_no_more,
        a_replaced_approval_starts_the_time_lock_anew,
        approvals_do_not_carry_over_to_another_proposal,
        rollback_returns_to_what_was_active_before,
        rejected_and_withdrawn_proposals_are_closed,
        a_canary_serves_until_it_ends,
        an_expired_proposal_can_not_come_into_force,
        settings_keep_within_bounds,
        history_answers_what_was_active_when,
        the_last_admin_stays;
    nodes:
        a_node_is_registered_suspended_and_reinstated,
        keys_rotate_and_history_stays,
        an_operator_belongs_to_one_node_for_ever;
    ledger:
        the_library_agrees_with_rfc_6962,
        a_growing_log_is_anchored,
        a_rewritten_log_can_not_be_anchored,
        only_active_nodes_anchor,
        repeating_an_anchor_changes_nothing,
        leaves_are_proven_against_anchors;
    quorum:
        a_quorum_needs_distinct_verifiers,
        nobody_who_ever_acted_for_a_node_vouches_for_it,
        the_store_of_verifiers_follows_the_role,
        the_set_of_verifiers_is_bounded_by_what_code_holds;
    succession:
        a_successor_takes_over_and_logs_go_on,
        only_a_contract_that_names_it_can_succeed,
        a_successor_tolerates_no_less,
        a_successor_of_another_kind_is_asked_for_no_tolerance,
        a_successor_that_knows_of_none_ends_the_line;
    challenge:
        a_lie_is_refuted_and_its_node_suspended,
        an_honest_decision_is_upheld_and_only_once,
        contradictions_count_and_failures_do_not,
        no_gas_limit_turns_an_honest_decision_into_a_lie,
        claims_that_do_not_hold_together_are_refused,
        only_a_version_in_force_is_judged_by,
        nodes_that_are_not_active_are_left_alone,
        nobody_can_take_a_challenge_over,
        calling_back_gains_nothing,
        rewards_are_paid_as_far_as_there_is_money,
        decisions_from_before_a_succession_are_still_judged;
    omission:
        an_omitted_decision_suspends_its_node,
        any_receipt_of_a_claimed_decision_settles,
        an_honest_node_answers_and_stays_active,
        receipts_that_do_not_hold_are_refused,
        answers_prove_that_very_leaf_in_that_log,
        nodes_that_can_not_answer_are_left_alone,
        replaced_operators_answer_for_what_they_signed,
        nodes_can_not_choose_their_time,
        claims_without_a_reason_pay_the_node,
        calling_back_when_paid_gains_nothing,
        terms_are_set_by_admins_within_bounds,
        a_court_without_its_role_gives_deposits_back,
        promises_outlive_a_succession,
        a_succession_retires_operators,
        receipts_and_answers_stay_affordable;
    dispute:
        a_quorum_refutes_a_lie_without_its_input,
        an_upheld_decision_is_disputed_once,
        what_the_chain_executed_counts_more_than_verifiers,
        only_distinct_verifiers_make_a_quorum,
        signatures_count_for_one_outcome_only,
        evidence_that_does_not_hold_is_refused_in_disputes,
        the_reward_is_the_challengers_whoever_sends,
        disputes_outlive_a_succession,
        disputes_need_little_gas;
    dates:
        a_misdated_decision_suspends_its_node,
        evidence_that_does_not_hold_is_refused,
        a_reinstated_node_starts_anew;
    enforcer:
        packages_are_judged_as_decision_points_do,
        data_is_bound_by_admins,
        a_treasury_pays_only_what_policy_allows,
        a_pipeline_passes_the_gate_or_does_not,
        nothing_is_enforced_by_a_registry_that_was_replaced;
    gas:
        a_quorum_of_seven_is_affordable,
        the_main_actions_stay_affordable,
        logs_of_a_million_decisions_stay_affordable;
    client:
        deployments_are_checked,
        another_chain_is_refused,
        one_account_sends_many_transactions_at_once,
        policy_contracts_are_called_and_their_reverts_decoded,
        events_are_followed_without_gaps,
        an_empty_purse_and_a_missing_contract_are_named;
}

/// Contracts are compiled for Cancun: an older chain is refused before anything is deployed, with the reason.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_hard_fork_is_refused_at_start() {
    for fork in ["london", "shanghai"] {
        let Some(chain) = chain::Chain::anvil_at(fork).await else {
            return;
        };
        let admin = world::account("admin");
        chain.fund(admin.address()).await;
        let client = chain.client().await;
        let config = stele_chain::client::DeployConfig::default();
        let error = client.deploy_governance(&admin, &config).await.unwrap_err();
        assert!(
            matches!(&error, stele_chain::ChainError::OldHardFork { .. }),
            "{fork}: {error}"
        );
        assert!(error.to_string().contains("Cancun"), "{error}");
        assert_eq!(client.head().await.unwrap().get(), 0, "nothing was sent");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_challenge_spans_two_blocks() {
    challenge::a_challenge_spans_two_blocks().await;
}

/// The embedded node served over HTTP, as other processes reach it: the whole way once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_embedded_node_is_governed_over_http_too() {
    registry::a_version_comes_into_force(chain::Chain::served().await).await;
    ledger::a_growing_log_is_anchored(chain::Chain::served().await).await;
}
