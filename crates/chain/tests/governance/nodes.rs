//! `NodeRegistry`: who may anchor, and what stays on record.

use stele_chain::client::{NodeRegistration, NodeStatus};
use stele_chain::contracts::Role;

use crate::chain::Chain;
use crate::world::{World, account, lacks_role, refused};

pub(crate) async fn a_node_is_registered_suspended_and_reinstated(chain: Chain) {
    let world = World::new(chain).await;
    let node = world.node.node_address();
    let registration = NodeRegistration {
        node,
        log_key: [7; 32],
        name: "stele.test/log".to_owned(),
        uri: String::new(),
    };
    let who = world.stranger.address();
    lacks_role(
        world.gov.register_node(&world.stranger, &registration).await,
        Role::Admin,
        who,
    );
    for (broken, error) in [
        (
            NodeRegistration {
                log_key: [0; 32],
                ..registration.clone()
            },
            "ZeroValue",
        ),
        (
            NodeRegistration {
                name: String::new(),
                ..registration.clone()
            },
            "BadLength",
        ),
        (
            NodeRegistration {
                name: "x".repeat(256),
                ..registration.clone()
            },
            "BadLength",
        ),
        (
            NodeRegistration {
                uri: "x".repeat(2049),
                ..registration.clone()
            },
            "BadLength",
        ),
    ] {
        refused(world.gov.register_node(&world.admin, &broken).await, error);
    }
    assert!(world.gov.node(node).await.unwrap().is_none());
    assert!(!world.gov.is_active_node(node).await.unwrap());
    refused(
        world.gov.suspend_node(&world.suspender, node, "").await,
        "NotRegistered",
    );

    world
        .gov
        .register_node(&world.admin, &registration)
        .await
        .unwrap();
    refused(
        world.gov.register_node(&world.admin, &registration).await,
        "AlreadyRegistered",
    );
    assert!(world.gov.is_active_node(node).await.unwrap());
    let info = world.gov.node(node).await.unwrap().unwrap();
    assert_eq!(
        (info.status, info.operator),
        (NodeStatus::Active, world.node.address())
    );
    assert_eq!(info.name, "stele.test/log");

    // Only a suspender stops it, and only an admin lets it go on.
    refused(world.gov.reinstate_node(&world.admin, node).await, "WrongStatus");
    lacks_role(
        world.gov.suspend_node(&world.stranger, node, "").await,
        Role::Suspender,
        who,
    );
    world
        .gov
        .suspend_node(&world.suspender, node, "its answers differ")
        .await
        .unwrap();
    refused(
        world.gov.suspend_node(&world.suspender, node, "").await,
        "WrongStatus",
    );
    assert!(!world.gov.is_active_node(node).await.unwrap());
    let suspender = world.suspender.address();
    lacks_role(
        world.gov.reinstate_node(&world.suspender, node).await,
        Role::Admin,
        suspender,
    );
    lacks_role(
        world.gov.reinstate_node(&world.node, node).await,
        Role::Admin,
        world.node.address(),
    );
    world.gov.reinstate_node(&world.admin, node).await.unwrap();
    assert!(world.gov.is_active_node(node).await.unwrap());
    assert_eq!(world.gov.nodes().await.unwrap().len(), 1);
}

pub(crate) async fn keys_rotate_and_history_stays(chain: Chain) {
    let world = World::new(chain).await;
    let node = world.node.node_address();
    world.register(&world.node).await;
    refused(
        world.gov.rotate_log_key(&world.stranger, node, [8; 32]).await,
        "NotOperator",
    );
    refused(
        world.gov.rotate_log_key(&world.node, node, [7; 32]).await,
        "SameKey",
    );
    refused(
        world.gov.rotate_log_key(&world.node, node, [0; 32]).await,
        "ZeroValue",
    );
    world
        .gov
        .rotate_log_key(&world.node, node, [8; 32])
        .await
        .unwrap();
    world
        .gov
        .rotate_log_key(&world.admin, node, [9; 32])
        .await
        .unwrap();
    let keys = world.gov.log_keys(node).await.unwrap();
    assert_eq!(keys.iter().map(|key| key.key[0]).collect::<Vec<_>>(), [7, 8, 9]);
    assert!(keys.windows(2).all(|pair| pair[0].from <= pair[1].from));

    // A suspended node's key may be in wrong hands: only an admin replaces it.
    world
        .gov
        .suspend_node(&world.suspender, node, "key leaked")
        .await
        .unwrap();
    refused(
        world.gov.rotate_log_key(&world.node, node, [10; 32]).await,
        "NotOperator",
    );
    world
        .gov
        .rotate_log_key(&world.admin, node, [10; 32])
        .await
        .unwrap();
    assert_eq!(world.gov.log_keys(node).await.unwrap().len(), 4);
}

pub(crate) async fn an_operator_belongs_to_one_node_for_ever(chain: Chain) {
    let world = World::new(chain).await;
    let node = world.node.node_address();
    world.register(&world.node).await;
    let (second, other) = (account("second operator"), account("other node"));
    world.chain.fund(second.address()).await;
    world.register(&other).await;

    refused(
        world
            .gov
            .rotate_operator(&world.stranger, node, second.address())
            .await,
        "NotOperator",
    );
    refused(
        world
            .gov
            .rotate_operator(&world.node, node, other.address())
            .await,
        "OperatorTaken",
    );
    world
        .gov
        .rotate_operator(&world.node, node, second.address())
        .await
        .unwrap();
    assert_eq!(world.gov.node_of(second.address()).await.unwrap(), Some(node));
    assert_eq!(world.gov.node_of(world.node.address()).await.unwrap(), None);
    assert_eq!(
        world.gov.node(node).await.unwrap().unwrap().operator,
        second.address()
    );

    // The old account acts no more, comes back never, and can't be registered as another node.
    refused(
        world.gov.rotate_log_key(&world.node, node, [8; 32]).await,
        "NotOperator",
    );
    refused(
        world
            .gov
            .rotate_operator(&second, node, world.node.address())
            .await,
        "OperatorTaken",
    );
    refused(
        world
            .gov
            .rotate_operator(&second, other.node_address(), account("x").address())
            .await,
        "NotOperator",
    );
    let registration = NodeRegistration {
        node: second.node_address(),
        log_key: [7; 32],
        name: "stele.test/log".to_owned(),
        uri: String::new(),
    };
    refused(
        world.gov.register_node(&world.admin, &registration).await,
        "OperatorTaken",
    );
    world.gov.rotate_log_key(&second, node, [8; 32]).await.unwrap();
}
