//! `PolicyRegistry`: what it promises, and attempts to break each promise.

use std::time::Duration;

use alloy::primitives::{Address, B256};
use alloy::sol_types::SolCall as _;
use stele_chain::client::{Call, ProposalState, RegistryEvent};
use stele_chain::contracts::Role;
use stele_chain::contracts::abi::registry::PolicyRegistry;
use stele_types::{BlockNumber, Digest, PolicyId, Timestamp};

use crate::chain::Chain;
use crate::world::{World, account, lacks_role, pass, policy, refused, version};

pub(crate) async fn a_version_comes_into_force(chain: Chain) {
    let world = World::new(chain).await;
    assert!(world.gov.active(&policy()).await.unwrap().is_none());
    let request = world.request("v1").await;
    let id = world.gov.propose(&world.author, &request).await.unwrap();

    let proposal = world.gov.latest_proposal(&policy(), version("v1")).await.unwrap();
    assert_eq!(proposal.id, id);
    assert_eq!(proposal.state, ProposalState::Proposed);
    assert_eq!(
        (proposal.contract, proposal.code_hash),
        (request.contract, request.code_hash)
    );
    assert_eq!(
        (proposal.author, proposal.uri.as_str()),
        (world.author.address(), request.uri.as_str())
    );
    assert_eq!((proposal.required_roles, proposal.unlocks_at), (2, None));

    world
        .gov
        .approve(&world.security, id, Role::Security)
        .await
        .unwrap();
    refused(world.gov.activate(&world.author, id).await, "NotEnoughApprovals");
    world
        .gov
        .approve(&world.compliance, id, Role::Compliance)
        .await
        .unwrap();
    let proposal = world.gov.proposal(id).await.unwrap().unwrap();
    assert_eq!(proposal.state, ProposalState::Approved);
    let approvals: Vec<_> = proposal.approvals.iter().map(|a| (a.role, a.account)).collect();
    let expected = [
        (Role::Security, world.security.address()),
        (Role::Compliance, world.compliance.address()),
    ];
    assert_eq!(approvals, expected);

    let receipt = world.gov.activate(&world.author, id).await.unwrap();
    let active = world.gov.active(&policy()).await.unwrap().unwrap();
    assert_eq!(
        (active.version, active.contract, active.code_hash),
        (version("v1"), request.contract, request.code_hash)
    );
    assert_eq!(
        (active.proposal, active.block, active.epoch),
        (id, receipt.block, 1)
    );
    assert!(!active.is_rollback);

    // The next version retires it.
    let next = world.activated("v2").await;
    world.assert_active("v2").await;
    assert_eq!(
        world.gov.proposal(id).await.unwrap().unwrap().state,
        ProposalState::Retired
    );
    assert_eq!(
        world.gov.proposal(next).await.unwrap().unwrap().state,
        ProposalState::Active
    );
    assert_eq!(world.gov.epoch().await.unwrap(), 2);
    let versions: Vec<_> = world
        .gov
        .versions(&policy())
        .await
        .unwrap()
        .iter()
        .map(|p| p.version)
        .collect();
    assert_eq!(versions, [version("v1"), version("v2")]);
    let policies = world.gov.policies().await.unwrap();
    assert_eq!(policies.len(), 1);
    assert_eq!(policies[0].policy, policy());
    assert_eq!(policies[0].active.as_ref().unwrap().version, version("v2"));

    // An activation can't be repeated, and an active version can't be proposed again.
    let again = refused(world.gov.activate(&world.author, next).await, "WrongState");
    assert_eq!(again.revert().unwrap().arg("state"), Some("Active"));
    refused(
        world.gov.propose(&world.author, &world.request("v2").await).await,
        "AlreadyActive",
    );
}

pub(crate) async fn approvals_need_distinct_roles_and_accounts(chain: Chain) {
    let world = World::new(chain).await;
    let second_security = account("second security");
    world.chain.fund(second_security.address()).await;
    world
        .gov
        .grant_role(&world.admin, Role::Security, second_security.address())
        .await
        .unwrap();
    // The first security officer gets a second role.
    world
        .gov
        .grant_role(&world.admin, Role::Platform, world.security.address())
        .await
        .unwrap();

    let id = world.propose("v1").await;
    world
        .gov
        .approve(&world.security, id, Role::Security)
        .await
        .unwrap();
    // The same approval again; the same account in another role; the same role by another account.
    refused(
        world.gov.approve(&world.security, id, Role::Security).await,
        "AlreadyApproved",
    );
    refused(
        world.gov.approve(&world.security, id, Role::Platform).await,
        "AlreadyApproved",
    );
    refused(
        world.gov.approve(&second_security, id, Role::Security).await,
        "RoleAlreadyApproved",
    );
    refused(world.gov.activate(&world.author, id).await, "NotEnoughApprovals");
    assert_eq!(world.gov.proposal(id).await.unwrap().unwrap().approval_count, 1);
    world
        .gov
        .approve(&world.platform, id, Role::Platform)
        .await
        .unwrap();
    world.gov.activate(&world.author, id).await.unwrap();
}

pub(crate) async fn an_author_can_not_approve(chain: Chain) {
    let world = World::new(chain).await;
    for role in Role::APPROVERS {
        world
            .gov
            .grant_role(&world.admin, role, world.author.address())
            .await
            .unwrap();
    }
    let id = world.propose("v1").await;
    for role in Role::APPROVERS {
        refused(
            world.gov.approve(&world.author, id, role).await,
            "AuthorCannotApprove",
        );
    }
    world
        .gov
        .approve(&world.security, id, Role::Security)
        .await
        .unwrap();
    refused(
        world.gov.approve(&world.author, id, Role::Platform).await,
        "AuthorCannotApprove",
    );
    refused(world.gov.activate(&world.author, id).await, "NotEnoughApprovals");
}

pub(crate) async fn only_holders_of_a_role_act(chain: Chain) {
    let world = World::new(chain).await;
    let (gov, stranger) = (&world.gov, &world.stranger);
    let who = stranger.address();
    lacks_role(
        gov.propose(stranger, &world.request("v1").await).await,
        Role::Author,
        who,
    );
    let id = world.propose("v1").await;
    lacks_role(
        gov.approve(stranger, id, Role::Security).await,
        Role::Security,
        who,
    );
    // A role that does not approve, held by the caller or not.
    refused(
        gov.approve(&world.admin, id, Role::Admin).await,
        "NotAnApproverRole",
    );
    refused(
        gov.approve(&world.responder, id, Role::Responder).await,
        "NotAnApproverRole",
    );
    lacks_role(
        gov.approve(&world.platform, id, Role::Security).await,
        Role::Security,
        world.platform.address(),
    );
    refused(gov.reject(stranger, id, "no").await, "NotPermitted");
    refused(gov.withdraw(stranger, id).await, "NotTheAuthor");

    gov.approve(&world.security, id, Role::Security).await.unwrap();
    gov.approve(&world.platform, id, Role::Platform).await.unwrap();
    refused(gov.start_canary(stranger, id, 10).await, "NotPermitted");
    refused(gov.activate(stranger, id).await, "NotPermitted");
    // Not even the admin, who governs roles, not policies.
    refused(gov.activate(&world.admin, id).await, "NotPermitted");
    gov.activate(&world.platform, id).await.unwrap();
    let second = world.activated("v2").await;
    lacks_role(
        gov.rollback(stranger, &policy(), second).await,
        Role::Responder,
        who,
    );
    lacks_role(
        gov.rollback(&world.admin, &policy(), second).await,
        Role::Responder,
        world.admin.address(),
    );
    lacks_role(
        gov.grant_role(stranger, Role::Author, who).await,
        Role::Admin,
        who,
    );
    lacks_role(
        gov.configure(stranger, 2, Duration::ZERO, Duration::ZERO).await,
        Role::Admin,
        who,
    );
}

pub(crate) async fn the_code_must_be_what_was_named(chain: Chain) {
    let world = World::new(chain).await;
    let good = world.request("v1").await;
    let mut wrong_hash = good.clone();
    wrong_hash.code_hash = Digest([1; 32]);
    let refusal = refused(
        world.gov.propose(&world.author, &wrong_hash).await,
        "CodeHashMismatch",
    );
    assert_eq!(
        refusal.revert().unwrap().arg("actual"),
        Some(format!("0x{}", good.code_hash).as_str())
    );

    // An account without code: its code hash is that of nothing, and a proposer may know that.
    let nothing = Digest(alloy::primitives::keccak256([]).0);
    let mut no_code = good.clone();
    no_code.contract = world.stranger.address();
    no_code.code_hash = nothing;
    refused(
        world.gov.propose(&world.author, &no_code).await,
        "CodeHashMismatch",
    );
    no_code.contract = Address::repeat_byte(0x99);
    no_code.code_hash = Digest::ZERO;
    refused(
        world.gov.propose(&world.author, &no_code).await,
        "CodeHashMismatch",
    );

    // Another contract's address under this one's hash.
    let mut swapped = good.clone();
    swapped.contract = world.contract("other").await.address;
    refused(
        world.gov.propose(&world.author, &swapped).await,
        "CodeHashMismatch",
    );
    let mut no_version = good.clone();
    no_version.version = stele_types::PolicyVersion(Digest::ZERO);
    refused(world.gov.propose(&world.author, &no_version).await, "ZeroVersion");
    world.gov.propose(&world.author, &good).await.unwrap();
}

pub(crate) async fn paths_have_one_form(chain: Chain) {
    let world = World::new(chain).await;
    let contract = world.contract("v1").await;
    let propose = |path: String| {
        let call = PolicyRegistry::proposeCall {
            path,
            version: B256::repeat_byte(1),
            policyContract: contract.address,
            codeHash: B256::from(contract.code_hash.0),
            uri: String::new(),
        };
        let call = Call {
            contract: "PolicyRegistry".to_owned(),
            to: Some(world.deployment().registry),
            data: call.abi_encode().into(),
        };
        let (client, author) = (world.client.clone(), world.author.clone());
        async move { client.send(&author, &call).await }
    };
    let (long, too_long) = ("x".repeat(512), "x".repeat(513));
    // The client's own check would not let these pass; the contract must not either.
    for path in [
        "", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "a b", "a\u{e4}", "a\0", "a\\b", &too_long,
    ] {
        assert!(PolicyId::new(path).is_err(), "{path:?} is no policy id");
        refused(propose(path.to_owned()).await, "BadPath");
    }
    for path in ["a", "A/b/9", "...", "a/...", "a.b", "api/v1:x_y-z", &long] {
        PolicyId::new(path).unwrap();
        propose(path.to_owned()).await.unwrap();
    }
    assert_eq!(world.gov.policies().await.unwrap().len(), 7);
}

pub(crate) async fn the_time_lock_holds(chain: Chain) {
    const LOCK: u64 = 3;
    let world = World::with(chain, |config| config.time_lock = Duration::from_secs(LOCK)).await;
    let id = world.approved("v1").await;
    let proposal = world.gov.proposal(id).await.unwrap().unwrap();
    let (unlocks, proposed) = (proposal.unlocks_at.unwrap(), proposal.proposed_at);
    assert!(unlocks.as_seconds() >= proposed.as_seconds() + LOCK);
    let refusal = refused(world.gov.activate(&world.author, id).await, "TimeLocked");
    assert_eq!(
        refusal.revert().unwrap().arg("unlocksAt"),
        Some(unlocks.as_seconds().to_string().as_str())
    );
    refused(world.gov.start_canary(&world.author, id, 5).await, "TimeLocked");
    // Shortening the lock helps only later proposals.
    world
        .gov
        .configure(&world.admin, 2, Duration::ZERO, Duration::ZERO)
        .await
        .unwrap();
    refused(world.gov.activate(&world.author, id).await, "TimeLocked");
    pass(LOCK + 1).await;
    let receipt = world.gov.activate(&world.author, id).await.unwrap();
    let active = world.gov.active(&policy()).await.unwrap().unwrap();
    assert_eq!(active.block, receipt.block);
    assert!(
        active.time >= unlocks,
        "activated at {}, before {unlocks}",
        active.time
    );
    world.activated("v2").await;
}

pub(crate) async fn a_revoked_approver_counts_no_more(chain: Chain) {
    let world = World::new(chain).await;
    let id = world.approved("v1").await;
    world
        .gov
        .revoke_role(&world.admin, Role::Security, world.security.address())
        .await
        .unwrap();
    let refusal = refused(world.gov.activate(&world.author, id).await, "NotEnoughApprovals");
    assert_eq!(refusal.revert().unwrap().arg("approvals"), Some("1"));

    // A new holder of the role approves in its place.
    let successor = account("security's successor");
    world.chain.fund(successor.address()).await;
    world
        .gov
        .grant_role(&world.admin, Role::Security, successor.address())
        .await
        .unwrap();
    world.gov.approve(&successor, id, Role::Security).await.unwrap();
    // With the old role back, two accounts approve for security: that is still one role.
    world
        .gov
        .grant_role(&world.admin, Role::Security, world.security.address())
        .await
        .unwrap();
    assert_eq!(world.gov.proposal(id).await.unwrap().unwrap().approval_count, 2);
    world.gov.activate(&world.author, id).await.unwrap();

    // Two approvals of one role do not make two roles.
    let id = world.propose("v2").await;
    world
        .gov
        .approve(&world.security, id, Role::Security)
        .await
        .unwrap();
    world
        .gov
        .revoke_role(&world.admin, Role::Security, world.security.address())
        .await
        .unwrap();
    world.gov.approve(&successor, id, Role::Security).await.unwrap();
    world
        .gov
        .grant_role(&world.admin, Role::Security, world.security.address())
        .await
        .unwrap();
    refused(world.gov.activate(&world.author, id).await, "NotEnoughApprovals");
}

pub(crate) async fn a_replaced_approval_starts_the_time_lock_anew(chain: Chain) {
    const LOCK: u64 = 3;
    let world = World::with(chain, |config| config.time_lock = Duration::from_secs(LOCK)).await;
    let id = world.approved("v1").await;
    let unlocks = world.gov.proposal(id).await.unwrap().unwrap().unlocks_at.unwrap();
    let security = world.security.address();
    world
        .gov
        .revoke_role(&world.admin, Role::Security, security)
        .await
        .unwrap();
    pass(LOCK + 1).await;
    refused(world.gov.activate(&world.author, id).await, "NotEnoughApprovals");
    world
        .gov
        .approve(&world.compliance, id, Role::Compliance)
        .await
        .unwrap();
    let again = world.gov.proposal(id).await.unwrap().unwrap().unlocks_at.unwrap();
    assert!(
        again.as_seconds() >= unlocks.as_seconds() + LOCK,
        "{again} after {unlocks}"
    );
    refused(world.gov.activate(&world.author, id).await, "TimeLocked");

    // A role taken and given back does not make a time lock pass that never started.
    let id = world.propose("v2").await;
    let other = account("other security");
    world.chain.fund(other.address()).await;
    world
        .gov
        .grant_role(&world.admin, Role::Security, other.address())
        .await
        .unwrap();
    world.gov.approve(&other, id, Role::Security).await.unwrap();
    world
        .gov
        .revoke_role(&world.admin, Role::Security, other.address())
        .await
        .unwrap();
    world
        .gov
        .approve(&world.platform, id, Role::Platform)
        .await
        .unwrap();
    world
        .gov
        .grant_role(&world.admin, Role::Security, other.address())
        .await
        .unwrap();
    let proposal = world.gov.proposal(id).await.unwrap().unwrap();
    assert_eq!((proposal.approval_count, proposal.unlocks_at), (2, None));
    refused(world.gov.activate(&world.author, id).await, "WrongState");
    // The next approval starts it.
    world
        .gov
        .approve(&world.compliance, id, Role::Compliance)
        .await
        .unwrap();
    assert!(
        world
            .gov
            .proposal(id)
            .await
            .unwrap()
            .unwrap()
            .unlocks_at
            .is_some()
    );
    refused(world.gov.activate(&world.author, id).await, "TimeLocked");
}

pub(crate) async fn approvals_do_not_carry_over_to_another_proposal(chain: Chain) {
    let world = World::new(chain).await;
    let reviewed = world.propose("v1").await;
    world
        .gov
        .approve(&world.security, reviewed, Role::Security)
        .await
        .unwrap();
    refused(
        world.gov.propose(&world.author, &world.request("v1").await).await,
        "AlreadyProposed",
    );

    // The author swaps the contract under the same version, hoping for the approval that is under way.
    world.gov.withdraw(&world.author, reviewed).await.unwrap();
    let mut evil = world.request("v1").await;
    let other = world.contract("evil").await;
    (evil.contract, evil.code_hash) = (other.address, other.code_hash);
    let swapped = world.gov.propose(&world.author, &evil).await.unwrap();
    assert_ne!(reviewed, swapped);
    refused(
        world.gov.approve(&world.platform, reviewed, Role::Platform).await,
        "WrongState",
    );
    assert_eq!(
        world.gov.proposal(swapped).await.unwrap().unwrap().approval_count,
        0
    );

    // Even the same content again starts from nothing.
    world.gov.withdraw(&world.author, swapped).await.unwrap();
    let again = world.gov.propose(&world.author, &evil).await.unwrap();
    assert_ne!(again, swapped);
    world
        .gov
        .approve(&world.platform, again, Role::Platform)
        .await
        .unwrap();
    refused(
        world.gov.activate(&world.author, again).await,
        "NotEnoughApprovals",
    );
}

pub(crate) async fn rollback_returns_to_what_was_active_before(chain: Chain) {
    let world = World::with(chain, |config| config.time_lock = Duration::from_secs(1)).await;
    let mut ids = Vec::new();
    for name in ["v1", "v2", "v3"] {
        let id = world.approved(name).await;
        pass(2).await;
        world.gov.activate(&world.author, id).await.unwrap();
        ids.push(id);
    }
    // At once, by one account, in spite of the time lock.
    world
        .gov
        .rollback(&world.responder, &policy(), ids[2])
        .await
        .unwrap();
    world.assert_active("v2").await;
    assert!(world.gov.active(&policy()).await.unwrap().unwrap().is_rollback);
    assert_eq!(
        world.gov.proposal(ids[2]).await.unwrap().unwrap().state,
        ProposalState::RolledBack
    );
    assert_eq!(
        world.gov.proposal(ids[1]).await.unwrap().unwrap().state,
        ProposalState::Active
    );
    // A second responder who still sees v3 must not roll back v2.
    refused(
        world.gov.rollback(&world.responder, &policy(), ids[2]).await,
        "WrongState",
    );
    // Again goes back further, not forth to v3.
    world
        .gov
        .rollback(&world.responder, &policy(), ids[1])
        .await
        .unwrap();
    world.assert_active("v1").await;
    refused(
        world.gov.rollback(&world.responder, &policy(), ids[0]).await,
        "NothingToRollBackTo",
    );
    let unknown = PolicyId::new("never/proposed").unwrap();
    refused(
        world.gov.rollback(&world.responder, &unknown, ids[0]).await,
        "NothingActive",
    );

    // A rolled back version needs all approvals again.
    refused(world.gov.activate(&world.author, ids[2]).await, "WrongState");
    let id = world.approved("v3").await;
    pass(2).await;
    world.gov.activate(&world.author, id).await.unwrap();
    world.gov.rollback(&world.responder, &policy(), id).await.unwrap();
    world.assert_active("v1").await;
}

pub(crate) async fn rejected_and_withdrawn_proposals_are_closed(chain: Chain) {
    let world = World::new(chain).await;
    let rejected = world.approved("v1").await;
    world
        .gov
        .reject(&world.compliance, rejected, "control AC-3 is not met")
        .await
        .unwrap();
    let withdrawn = world.approved("v2").await;
    world.gov.withdraw(&world.author, withdrawn).await.unwrap();
    for (id, state) in [
        (rejected, ProposalState::Rejected),
        (withdrawn, ProposalState::Withdrawn),
    ] {
        assert_eq!(world.gov.proposal(id).await.unwrap().unwrap().state, state);
        refused(world.gov.activate(&world.author, id).await, "WrongState");
        refused(
            world.gov.approve(&world.compliance, id, Role::Compliance).await,
            "WrongState",
        );
        refused(world.gov.reject(&world.compliance, id, "").await, "WrongState");
        refused(world.gov.withdraw(&world.author, id).await, "WrongState");
        refused(world.gov.start_canary(&world.author, id, 10).await, "WrongState");
    }
    let unknown = stele_chain::client::ProposalId(Digest([9; 32]));
    refused(world.gov.activate(&world.author, unknown).await, "NoSuchProposal");
    assert!(world.gov.proposal(unknown).await.unwrap().is_none());
    // An active version can neither be rejected nor withdrawn; that is what rollback is for.
    let active = world.activated("v3").await;
    refused(world.gov.reject(&world.security, active, "").await, "WrongState");
    refused(world.gov.withdraw(&world.author, active).await, "WrongState");
}

pub(crate) async fn a_canary_serves_until_it_ends(chain: Chain) {
    let world = World::new(chain).await;
    world.activated("v1").await;
    let early = world.propose("v2").await;
    refused(
        world.gov.start_canary(&world.author, early, 10).await,
        "NotEnoughApprovals",
    );
    world.gov.withdraw(&world.author, early).await.unwrap();

    let canary = world.approved("v2").await;
    for percent in [0, 100, 255] {
        refused(
            world.gov.start_canary(&world.author, canary, percent).await,
            "BadPercent",
        );
    }
    world.gov.start_canary(&world.author, canary, 10).await.unwrap();
    world.gov.start_canary(&world.platform, canary, 50).await.unwrap();
    let running = world.gov.canary(&policy()).await.unwrap().unwrap();
    assert_eq!((running.proposal, running.percent), (canary, 50));
    world.assert_active("v1").await;
    // One canary at a time.
    let third = world.approved("v3").await;
    refused(
        world.gov.start_canary(&world.author, third, 10).await,
        "CanaryRunning",
    );
    // Rejecting another proposal leaves it alone.
    world.gov.reject(&world.security, third, "").await.unwrap();
    assert!(world.gov.canary(&policy()).await.unwrap().is_some());
    // Stopped at once by a responder, it can be activated all the same.
    world.gov.stop_canary(&world.responder, &policy()).await.unwrap();
    assert!(world.gov.canary(&policy()).await.unwrap().is_none());
    refused(
        world.gov.stop_canary(&world.responder, &policy()).await,
        "NoCanary",
    );
    world.gov.start_canary(&world.author, canary, 99).await.unwrap();
    world.gov.activate(&world.author, canary).await.unwrap();
    world.assert_active("v2").await;
    assert!(world.gov.canary(&policy()).await.unwrap().is_none());

    // Rolling back, activating another version and rejecting end a canary too.
    let next = world.approved("v4").await;
    world.gov.start_canary(&world.author, next, 10).await.unwrap();
    world
        .gov
        .rollback(&world.responder, &policy(), canary)
        .await
        .unwrap();
    assert!(world.gov.canary(&policy()).await.unwrap().is_none());
    assert_eq!(
        world.gov.proposal(next).await.unwrap().unwrap().state,
        ProposalState::Approved
    );
    world.gov.start_canary(&world.author, next, 10).await.unwrap();
    world.activated("v5").await;
    assert!(world.gov.canary(&policy()).await.unwrap().is_none());
    world.gov.start_canary(&world.author, next, 10).await.unwrap();
    world.gov.reject(&world.security, next, "too slow").await.unwrap();
    assert!(world.gov.canary(&policy()).await.unwrap().is_none());
    world.assert_active("v5").await;
}

pub(crate) async fn an_expired_proposal_can_not_come_into_force(chain: Chain) {
    let world = World::with(chain, |config| config.lifetime = Duration::from_secs(3)).await;
    let id = world.approved("v1").await;
    assert!(
        world
            .gov
            .proposal(id)
            .await
            .unwrap()
            .unwrap()
            .expires_at
            .is_some()
    );
    pass(4).await;
    refused(world.gov.activate(&world.author, id).await, "ProposalExpired");
    refused(
        world.gov.approve(&world.compliance, id, Role::Compliance).await,
        "ProposalExpired",
    );
    // It can be made again, from nothing.
    let again = world
        .gov
        .propose(&world.author, &world.request("v1").await)
        .await
        .unwrap();
    assert_ne!(again, id);
    refused(
        world.gov.activate(&world.author, again).await,
        "NotEnoughApprovals",
    );
}

pub(crate) async fn settings_keep_within_bounds(chain: Chain) {
    let world = World::new(chain).await;
    let second = Duration::from_secs(1);
    let year = Duration::from_secs(365 * 24 * 3600);
    let zero = Duration::ZERO;
    for (roles, lock, lifetime) in [
        (0, zero, zero),
        (1, zero, zero),
        (4, zero, zero),
        (2, year + second, zero),
        (2, zero, year + second),
        (2, second, second),
    ] {
        refused(
            world.gov.configure(&world.admin, roles, lock, lifetime).await,
            "BadSettings",
        );
    }
    world.gov.configure(&world.admin, 3, zero, zero).await.unwrap();
    let id = world.approved("v1").await;
    refused(world.gov.activate(&world.author, id).await, "NotEnoughApprovals");
    world
        .gov
        .approve(&world.compliance, id, Role::Compliance)
        .await
        .unwrap();
    world.gov.activate(&world.author, id).await.unwrap();
    // A deployment can't start out of bounds either.
    let config = stele_chain::client::DeployConfig {
        grants: vec![(Role::Admin, world.admin.address())],
        required_roles: 1,
        ..Default::default()
    };
    refused(
        world.client.deploy_governance(&world.admin, &config).await,
        "BadSettings",
    );
    let nobody = stele_chain::client::DeployConfig::default();
    refused(
        world.client.deploy_governance(&world.admin, &nobody).await,
        "NoAdmin",
    );
}

pub(crate) async fn history_answers_what_was_active_when(chain: Chain) {
    let world = World::new(chain).await;
    let first = world.activated("v1").await;
    pass(2).await;
    let second = world.activated("v2").await;
    pass(2).await;
    world
        .gov
        .rollback(&world.responder, &policy(), second)
        .await
        .unwrap();
    let history = world.gov.history(&policy()).await.unwrap();
    let versions: Vec<_> = history
        .iter()
        .map(|entry| (entry.version, entry.is_rollback))
        .collect();
    assert_eq!(
        versions,
        [
            (version("v1"), false),
            (version("v2"), false),
            (version("v1"), true)
        ]
    );
    assert_eq!(
        history.iter().map(|entry| entry.epoch).collect::<Vec<_>>(),
        [1, 2, 3]
    );
    assert_eq!(history[2].proposal, first);

    let policy = policy();
    let at = |time: Timestamp| world.gov.active_at(&policy, time);
    let shift = |time: Timestamp, seconds: i64| {
        Timestamp::from_nanos(
            time.as_nanos()
                .checked_add_signed(seconds * 1_000_000_000)
                .unwrap(),
        )
    };
    assert!(at(shift(history[0].time, -1)).await.unwrap().is_none());
    for (index, entry) in history.iter().enumerate() {
        let found = at(entry.time).await.unwrap().unwrap();
        assert_eq!(&found, entry, "at the time of entry {index}");
        let before = world
            .gov
            .active_at_block(&policy, BlockNumber::new(entry.block.get() - 1))
            .await
            .unwrap();
        assert_eq!(
            before.as_ref(),
            index.checked_sub(1).map(|i| &history[i]),
            "before entry {index}"
        );
        let here = world
            .gov
            .active_at_block(&policy, entry.block)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(&here, entry);
    }
    assert_eq!(
        at(shift(history[1].time, 1)).await.unwrap().unwrap().version,
        version("v2")
    );
    assert_eq!(
        at(Timestamp::from_nanos(u64::MAX)).await.unwrap().unwrap().epoch,
        3
    );
}

pub(crate) async fn the_last_admin_stays(chain: Chain) {
    let world = World::new(chain).await;
    let admin = world.admin.address();
    refused(
        world.gov.revoke_role(&world.admin, Role::Admin, admin).await,
        "LastAdmin",
    );
    let second = account("second admin");
    world.chain.fund(second.address()).await;
    world
        .gov
        .grant_role(&world.admin, Role::Admin, second.address())
        .await
        .unwrap();
    world.gov.revoke_role(&second, Role::Admin, admin).await.unwrap();
    assert!(!world.gov.has_role(Role::Admin, admin).await.unwrap());
    lacks_role(
        world.gov.grant_role(&world.admin, Role::Author, admin).await,
        Role::Admin,
        admin,
    );
    // Every change of a role leaves an event.
    let events = world.gov.registry_events(BlockNumber::ZERO).await.unwrap().events;
    let changes: Vec<_> = events
        .iter()
        .filter_map(|(_, event)| match event {
            RegistryEvent::RoleChanged {
                role: Some(Role::Admin),
                account,
                granted,
                ..
            } => Some((*account, *granted)),
            _ => None,
        })
        .collect();
    assert_eq!(changes, [(admin, true), (second.address(), true), (admin, false)]);
}
