//! The embedded node as `alloy` sees it, through both transports.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::print_stderr,
    reason = "a test stops by panicking"
)]

mod common;

use std::sync::Arc;

use alloy::consensus::TxReceipt;
use alloy::consensus::proofs::{calculate_receipt_root, calculate_transaction_root};
use alloy::eips::{BlockId, BlockNumberOrTag};
use alloy::network::{NetworkTransactionBuilder, TransactionBuilder};
use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::client::RpcClient;
use alloy::rpc::types::{Filter, TransactionReceipt, TransactionRequest};
use alloy::sol_types::{SolError, SolEvent};
use alloy_trie::proof::verify_proof;
use alloy_trie::{Nibbles, TrieAccount};
use common::Probe::{self, ProbeInstance};
use common::{Answer, START, TestClock, account, inside, options, options_at, riches, with_wallet};
use stele_chain::node::{DEV_CHAIN_ID, Node, NodeServer};

struct Setup {
    node: Arc<Node>,
    _server: Option<NodeServer>,
    _dir: tempfile::TempDir,
    provider: DynProvider,
}

async fn setups() -> Vec<Setup> {
    let mut setups = Vec::new();
    for served in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let node = Node::open(dir.path(), options()).unwrap();
        let server = match served {
            true => Some(
                NodeServer::start(Arc::clone(&node), ([127, 0, 0, 1], 0).into())
                    .await
                    .unwrap(),
            ),
            false => None,
        };
        let provider = match &server {
            Some(server) => {
                let client = RpcClient::new_http(server.url().parse().unwrap());
                with_wallet(client.with_poll_interval(std::time::Duration::from_millis(20)))
            }
            None => inside(&node),
        };
        setups.push(Setup {
            node,
            _server: server,
            _dir: dir,
            provider,
        });
    }
    setups
}

async fn deploy(provider: &DynProvider) -> ProbeInstance<DynProvider> {
    Probe::deploy(provider.clone(), U256::from(5)).await.unwrap()
}

type Sent = alloy::contract::Result<alloy::providers::PendingTransactionBuilder<alloy::network::Ethereum>>;

async fn receipt(pending: Sent) -> TransactionReceipt {
    pending.unwrap().get_receipt().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn deploy_call_and_read_logs_through_both_transports() {
    for Setup { node, provider, .. } in setups().await {
        assert_eq!(provider.get_chain_id().await.unwrap(), DEV_CHAIN_ID);
        let probe = deploy(&provider).await;
        assert_eq!(*probe.address(), account(0).create(0));
        assert_eq!(probe.origin().call().await.unwrap(), U256::from(5));
        let first = receipt(probe.store(U256::from(1), U256::from(11)).send().await).await;
        assert!(first.status());
        let second = receipt(
            probe
                .store(U256::from(2), U256::from(22))
                .from(account(1))
                .send()
                .await,
        )
        .await;
        assert_eq!(second.from, account(1));
        assert_eq!(probe.values(U256::from(2)).call().await.unwrap(), U256::from(22));

        let all = Filter::new().address(*probe.address()).from_block(0);
        let logs = provider.get_logs(&all).await.unwrap();
        assert_eq!(logs.len(), 3, "one note of the constructor, two stores");
        let stored = all.clone().event_signature(Probe::Stored::SIGNATURE_HASH);
        let logs = provider.get_logs(&stored).await.unwrap();
        assert_eq!(
            logs.iter()
                .map(|log| log.block_number.unwrap())
                .collect::<Vec<_>>(),
            [2, 3]
        );
        let by = |who: &[Address]| {
            stored
                .clone()
                .topic1(who.iter().map(|who| who.into_word()).collect::<Vec<_>>())
        };
        assert_eq!(provider.get_logs(&by(&[account(1)])).await.unwrap().len(), 1);
        assert_eq!(
            provider
                .get_logs(&by(&[account(0), account(1)]))
                .await
                .unwrap()
                .len(),
            2,
            "a list is an OR"
        );
        assert_eq!(provider.get_logs(&by(&[account(2)])).await.unwrap().len(), 0);
        let at = |block: &TransactionReceipt| Filter::new().at_block_hash(block.block_hash.unwrap());
        assert_eq!(provider.get_logs(&at(&second)).await.unwrap().len(), 1);
        assert_eq!(
            provider
                .get_logs(&Filter::new().from_block(2).to_block(2))
                .await
                .unwrap()
                .len(),
            1
        );
        assert_eq!(
            provider
                .get_logs(&Filter::new().from_block(9))
                .await
                .unwrap()
                .len(),
            0,
            "ahead of the head"
        );
        assert_eq!(node.check().unwrap().blocks, 4);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_calls_carry_the_revert_data() {
    for Setup { provider, .. } in setups().await {
        let probe = deploy(&provider).await;
        let error = probe.failText().call().await.err().unwrap();
        assert_eq!(error.answer(), (3, "execution reverted: no way".to_owned()));
        let error = probe
            .failCustom(U256::from(77))
            .from(account(3))
            .call()
            .await
            .err()
            .unwrap();
        let refused = error.as_decoded_error::<Probe::Refused>().unwrap();
        assert_eq!((refused.who, refused.code), (account(3), U256::from(77)));
        assert_eq!(error.answer().1, "execution reverted");
        let error = probe.failPanic(U256::ZERO).call().await.err().unwrap();
        assert_eq!(
            error.as_revert_data().unwrap()[..4],
            alloy::sol_types::Panic::SELECTOR
        );
        let error = probe.failEmpty().call().await.err().unwrap();
        assert_eq!(error.answer().0, 3);
        assert_eq!(error.as_revert_data().unwrap(), Bytes::new());
        let error = probe.failInvalid().call().await.err().unwrap();
        assert_eq!(error.answer().1, "invalid opcode");

        // A transaction that fails is included, uses gas, leaves no logs and no state.
        let failed = receipt(probe.failAfterWork(U256::from(9)).gas(200_000).send().await).await;
        assert!(!failed.status() && failed.logs().is_empty() && failed.gas_used > 21_000);
        assert_eq!(probe.values(U256::from(9)).call().await.unwrap(), U256::ZERO);
        let error = probe.failText().estimate_gas().await.unwrap_err();
        assert_eq!(error.answer().0, 3);
    }
}

async fn rejection(
    provider: &DynProvider,
    edit: impl Fn(TransactionRequest) -> TransactionRequest,
) -> String {
    let plain = TransactionRequest::default()
        .with_from(account(0))
        .with_to(account(1))
        .with_value(U256::from(1))
        .with_chain_id(DEV_CHAIN_ID)
        .with_nonce(provider.get_transaction_count(account(0)).await.unwrap())
        .with_gas_limit(21_000)
        .with_max_fee_per_gas(10)
        .with_max_priority_fee_per_gas(1);
    let wallet = alloy::network::EthereumWallet::from(common::signer(0));
    let signed = edit(plain).build(&wallet).await.unwrap();
    let error = provider.send_tx_envelope(signed).await.unwrap_err();
    let (code, message) = error.answer();
    assert_eq!(code, -32000);
    message
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_that_break_a_rule_are_refused_in_geths_words() {
    for Setup { node, provider, .. } in setups().await {
        deploy(&provider).await;
        let head = node.head().unwrap();
        let p = &provider;
        assert_eq!(
            rejection(p, |tx| tx.with_nonce(0)).await,
            "nonce too low: next nonce 1, tx nonce 0"
        );
        assert!(
            rejection(p, |tx| tx.with_nonce(5))
                .await
                .starts_with("nonce too high: address")
        );
        let text = rejection(p, |tx| tx.with_value(riches())).await;
        assert!(
            text.starts_with("insufficient funds for gas * price + value: balance 999"),
            "{text}"
        );
        let text = rejection(p, |tx| tx.with_gas_limit(20_999)).await;
        assert_eq!(text, "intrinsic gas too low: gas 20999, minimum needed 21000");
        let text = rejection(p, |tx| tx.with_gas_limit(60_000_001)).await;
        assert_eq!(text, "exceeds block gas limit: gas 60000001, limit 60000000");
        let text = rejection(p, |tx| tx.with_chain_id(1)).await;
        assert_eq!(
            text,
            format!("invalid sender: invalid chain id for signer: have 1 want {DEV_CHAIN_ID}")
        );
        let text = rejection(p, |tx| tx.with_max_priority_fee_per_gas(11)).await;
        assert!(
            text.starts_with("max priority fee per gas higher than max fee per gas"),
            "{text}"
        );
        let code = vec![0_u8; 49_153];
        let text = rejection(p, |mut tx| {
            tx.to = None;
            tx.with_deploy_code(code.clone()).with_gas_limit(10_000_000)
        });
        assert_eq!(
            text.await,
            "max initcode size exceeded: code size 49153, limit 49152"
        );
        let big = vec![1_u8; 140_000];
        let text = rejection(p, |tx| tx.with_input(big.clone()).with_gas_limit(10_000_000)).await;
        assert!(text.starts_with("oversized data: transaction size 140"), "{text}");
        let garbage = provider.send_raw_transaction(&[0x02, 0xc0]).await.unwrap_err();
        assert!(garbage.answer().1.starts_with("invalid transaction encoding"));
        assert_eq!(node.head().unwrap(), head, "nothing was included");
    }
}

/// Wallets send a row of transactions over several connections: one that overtakes another waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn transactions_that_overtake_each_other_are_put_in_order() {
    for Setup { node, provider, .. } in setups().await {
        let sends = (0..20_u64).rev().map(|nonce| {
            let request = TransactionRequest::default()
                .with_from(account(1))
                .with_to(account(2))
                .with_nonce(nonce)
                .with_gas_limit(21_000)
                .with_gas_price(0);
            let provider = provider.clone();
            tokio::spawn(async move { *provider.send_transaction(request).await.unwrap().tx_hash() })
        });
        for send in sends.collect::<Vec<_>>() {
            let receipt = provider
                .get_transaction_receipt(send.await.unwrap())
                .await
                .unwrap()
                .unwrap();
            assert!(receipt.status());
        }
        assert_eq!(node.head().unwrap().number, 20);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_envelope_type_is_included() {
    for Setup { node, provider, .. } in setups().await {
        let transfer = |to: Address| {
            TransactionRequest::default()
                .with_from(account(0))
                .with_to(to)
                .with_value(U256::from(3))
        };
        let legacy = transfer(account(1)).with_gas_price(7);
        let access = alloy::rpc::types::AccessList(vec![alloy::rpc::types::AccessListItem {
            address: account(1),
            storage_keys: vec![B256::ZERO],
        }]);
        let mut listed = transfer(account(1)).with_gas_price(7);
        listed.access_list = Some(access);
        let dynamic = transfer(account(1))
            .with_max_fee_per_gas(9)
            .with_max_priority_fee_per_gas(1);
        for (request, ty) in [(legacy, 0), (listed, 1), (dynamic, 2)] {
            let receipt = provider
                .send_transaction(request)
                .await
                .unwrap()
                .get_receipt()
                .await
                .unwrap();
            assert!(receipt.status());
            let tx = provider
                .get_transaction_by_hash(receipt.transaction_hash)
                .await
                .unwrap()
                .unwrap();
            assert_eq!(alloy::consensus::Typed2718::ty(tx.inner.inner()), ty);
            assert_eq!(tx.inner.signer(), account(0));
            assert_eq!(receipt.effective_gas_price, if ty == 2 { 1 } else { 7 });
        }
        assert_eq!(
            provider.get_balance(account(1)).await.unwrap(),
            riches() + U256::from(9)
        );
        node.check().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_code_transaction_delegates() {
    use alloy::signers::SignerSync;
    for Setup { node, provider, .. } in setups().await {
        let probe = deploy(&provider).await;
        let authorization = alloy::eips::eip7702::Authorization {
            chain_id: U256::from(DEV_CHAIN_ID),
            address: *probe.address(),
            nonce: 0,
        };
        let signature = common::signer(2)
            .sign_hash_sync(&authorization.signature_hash())
            .unwrap();
        let mut request = TransactionRequest::default()
            .with_from(account(0))
            .with_to(account(0))
            .with_gas_limit(100_000);
        request.authorization_list = Some(vec![authorization.into_signed(signature)]);
        let receipt = provider
            .send_transaction(request)
            .await
            .unwrap()
            .get_receipt()
            .await
            .unwrap();
        assert!(receipt.status());
        let code = provider.get_code_at(account(2)).await.unwrap();
        assert_eq!(code[..3], [0xef, 0x01, 0x00]);
        let delegated = ProbeInstance::new(account(2), provider.clone());
        assert_eq!(
            delegated.origin().call().await.unwrap(),
            U256::from(5),
            "runs the probe's code"
        );
        node.check().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_hold_what_independent_recomputation_yields() {
    for Setup { node, provider, .. } in setups().await {
        let probe = deploy(&provider).await;
        receipt(
            probe
                .storeMany(U256::ZERO, U256::from(20), U256::from(1))
                .send()
                .await,
        )
        .await;
        receipt(
            probe
                .storeMany(U256::from(5), U256::from(10), U256::ZERO)
                .send()
                .await,
        )
        .await;
        receipt(probe.makeChild().value(U256::from(9)).send().await).await;
        receipt(probe.makeAndEnd(account(3)).value(U256::from(4)).send().await).await;
        receipt(probe.endChild(account(3)).send().await).await;
        assert_eq!(
            provider.get_balance(account(3)).await.unwrap(),
            riches() + U256::from(13)
        );
        let mut parent = B256::ZERO;
        let head = provider.get_block_number().await.unwrap();
        for number in 0..=head {
            let block = provider
                .get_block_by_number(number.into())
                .full()
                .await
                .unwrap()
                .unwrap();
            let header = &block.header.inner;
            assert_eq!(
                header.hash_slow(),
                block.header.hash,
                "the hash covers every field shown"
            );
            assert_eq!((header.number, header.parent_hash), (number, parent));
            let envelopes: Vec<_> = block
                .transactions
                .txns()
                .map(|tx| tx.inner.inner().clone())
                .collect();
            assert_eq!(envelopes.len(), usize::from(number > 0));
            assert_eq!(header.transactions_root, calculate_transaction_root(&envelopes));
            let receipts = provider.get_block_receipts(number.into()).await.unwrap().unwrap();
            let plain: Vec<_> = receipts
                .iter()
                .map(|receipt| receipt.inner.clone().map_logs(|log| log.inner))
                .collect();
            assert_eq!(header.receipts_root, calculate_receipt_root(&plain));
            assert_eq!(
                header.gas_used,
                receipts.iter().map(|receipt| receipt.gas_used).sum::<u64>()
            );
            let mut bloom = alloy::primitives::Bloom::ZERO;
            plain.iter().for_each(|receipt| bloom |= receipt.bloom());
            assert_eq!(header.logs_bloom, bloom);
            let by_hash = provider
                .get_block_by_hash(block.header.hash)
                .await
                .unwrap()
                .unwrap();
            assert_eq!(by_hash.header, block.header);
            parent = block.header.hash;
        }
        let report = node.check().unwrap();
        assert_eq!(report.blocks, head + 1);
        assert!(report.slots >= 11);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn proofs_verify_against_the_state_root() {
    for Setup { provider, .. } in setups().await {
        let probe = deploy(&provider).await;
        receipt(
            probe
                .storeMany(U256::ZERO, U256::from(40), U256::from(8))
                .send()
                .await,
        )
        .await;
        let slot = |index: u64| keccak256([U256::from(index).to_be_bytes::<32>(), [0; 32]].concat());
        let keys = vec![slot(3), slot(39), slot(40)];
        let proof = provider.get_proof(*probe.address(), keys.clone()).await.unwrap();
        let root = provider
            .get_block(BlockId::latest())
            .await
            .unwrap()
            .unwrap()
            .header
            .state_root;
        let account = TrieAccount::new(proof.nonce, proof.balance, proof.storage_hash, proof.code_hash);
        let path = Nibbles::unpack(keccak256(probe.address()));
        verify_proof(
            root,
            path,
            Some(alloy::rlp::encode(account)),
            &proof.account_proof,
        )
        .unwrap();
        for (key, (entry, expected)) in keys.iter().zip(proof.storage_proof.iter().zip([8_u64, 8, 0])) {
            assert_eq!(entry.value, U256::from(expected));
            let value = (expected != 0).then(|| alloy::rlp::encode(U256::from(expected)));
            verify_proof(
                proof.storage_hash,
                Nibbles::unpack(keccak256(key)),
                value,
                &entry.proof,
            )
            .unwrap();
        }
        let nobody = Address::repeat_byte(0x77);
        let proof = provider.get_proof(nobody, vec![]).await.unwrap();
        verify_proof(
            root,
            Nibbles::unpack(keccak256(nobody)),
            None,
            &proof.account_proof,
        )
        .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn state_is_kept_for_the_latest_block_only() {
    for Setup { provider, .. } in setups().await {
        let probe = deploy(&provider).await;
        receipt(probe.store(U256::from(1), U256::from(2)).send().await).await;
        let head = provider.get_block_number().await.unwrap();
        use BlockNumberOrTag as Tag;
        for tag in [
            Tag::Latest,
            Tag::Pending,
            Tag::Safe,
            Tag::Finalized,
            Tag::Number(head),
        ] {
            assert_eq!(
                probe
                    .values(U256::from(1))
                    .block(tag.into())
                    .call()
                    .await
                    .unwrap(),
                U256::from(2),
                "{tag}"
            );
        }
        let error = probe
            .values(U256::from(1))
            .block(BlockId::number(head - 1))
            .call()
            .await
            .err()
            .unwrap();
        assert!(error.answer().1.contains("is not kept"), "{error}");
        let error = provider
            .get_balance(account(0))
            .block_id(BlockId::number(head + 1))
            .await
            .unwrap_err();
        assert_eq!(error.answer().1, "header not found");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn estimates_suffice_and_are_tight() {
    for Setup { provider, .. } in setups().await {
        let probe = deploy(&provider).await;
        let plain = TransactionRequest::default()
            .with_from(account(0))
            .with_to(account(1))
            .with_value(U256::from(1));
        assert_eq!(provider.estimate_gas(plain.clone()).await.unwrap(), 21_000);
        for call in [
            probe
                .storeMany(U256::ZERO, U256::from(9), U256::from(1))
                .into_transaction_request(),
            probe
                .storeMany(U256::ZERO, U256::from(9), U256::ZERO)
                .into_transaction_request(),
            probe.burn(U256::from(300)).into_transaction_request(),
            probe.makeChild().value(U256::from(1)).into_transaction_request(),
        ] {
            let estimate = provider
                .estimate_gas(call.clone().with_from(account(0)))
                .await
                .unwrap();
            let receipt = provider
                .send_transaction(call.clone().with_gas_limit(estimate))
                .await
                .unwrap()
                .get_receipt()
                .await
                .unwrap();
            assert!(receipt.status(), "the estimate {estimate} is enough");
        }
        // Clearing slots refunds gas, so the need exceeds what the receipt says; 3 % under the estimate must fail.
        let clear = probe
            .storeMany(U256::ZERO, U256::from(9), U256::from(2))
            .into_transaction_request();
        let estimate = provider
            .estimate_gas(clear.clone().with_from(account(0)))
            .await
            .unwrap();
        let short = clear.with_gas_limit(estimate - estimate * 3 / 100);
        let receipt = provider
            .send_transaction(short)
            .await
            .unwrap()
            .get_receipt()
            .await
            .unwrap();
        assert!(!receipt.status());
        let poor = TransactionRequest::default()
            .with_from(Address::repeat_byte(9))
            .with_to(account(1))
            .with_value(U256::from(1))
            .with_gas_price(1);
        let error = provider.estimate_gas(poor).await.unwrap_err();
        assert!(
            error.answer().1.starts_with("insufficient funds for transfer"),
            "{error}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_run_in_the_head_or_in_the_block_to_come() {
    let clock = TestClock::at(START);
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), options_at(&clock)).unwrap();
    let provider = inside(&node);
    clock.set(START + 100);
    let probe = deploy(&provider).await;
    clock.set(START + 500);
    let latest = probe.block_().call().await.unwrap();
    assert_eq!((latest._0, latest._1), (U256::from(1), U256::from(START + 100)));
    assert_eq!(latest._4, U256::from(DEV_CHAIN_ID));
    let pending = probe.block_().block(BlockId::pending()).call().await.unwrap();
    assert_eq!((pending._0, pending._1), (U256::from(2), U256::from(START + 500)));
    let parent = probe.parentHash().block(BlockId::pending()).call().await.unwrap();
    assert_eq!(parent, node.head().unwrap().hash);
    // The clock goes back, the chain does not.
    clock.set(START);
    receipt(probe.store(U256::from(1), U256::from(1)).send().await).await;
    assert_eq!(node.head().unwrap().timestamp, START + 100);
    // A call may come from anyone, also from a contract (EIP-3607 binds transactions only).
    assert_eq!(
        probe.sender().from(*probe.address()).call().await.unwrap(),
        *probe.address()
    );
    let cancun = probe.cancun(Bytes::from_static(b"abc")).call().await.unwrap();
    assert_eq!(
        (cancun.copy, cancun.kept),
        (Bytes::from_static(b"abc"), U256::from(42))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn polled_filters_report_each_event_once() {
    for Setup { provider, .. } in setups().await {
        let probe = deploy(&provider).await;
        let blocks = provider.new_block_filter().await.unwrap();
        let logs = provider
            .new_filter(&Filter::new().address(*probe.address()))
            .await
            .unwrap();
        assert!(
            provider
                .get_filter_changes::<B256>(blocks)
                .await
                .unwrap()
                .is_empty()
        );
        let one = receipt(probe.store(U256::from(1), U256::from(1)).send().await).await;
        let two = receipt(probe.store(U256::from(2), U256::from(2)).send().await).await;
        let hashes = provider.get_filter_changes::<B256>(blocks).await.unwrap();
        assert_eq!(hashes, [one.block_hash.unwrap(), two.block_hash.unwrap()]);
        assert!(
            provider
                .get_filter_changes::<B256>(blocks)
                .await
                .unwrap()
                .is_empty()
        );
        let seen = provider
            .get_filter_changes::<alloy::rpc::types::Log>(logs)
            .await
            .unwrap();
        assert_eq!(seen.len(), 2);
        assert_eq!(seen[1].transaction_hash, Some(two.transaction_hash));
        assert!(provider.uninstall_filter(logs).await.unwrap());
        let error = provider.get_filter_changes::<B256>(logs).await.unwrap_err();
        assert_eq!(error.answer().1, "filter not found");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_see_whole_blocks_while_a_writer_writes() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), options()).unwrap();
    let provider = inside(&node);
    let probe = deploy(&provider).await;
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let (probe, stop) = (probe.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut seen = 0_u64;
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    // storeMany sets both slots in one transaction: they must always agree.
                    let both = pair(&probe).await;
                    assert_eq!(both.0, both.1);
                    seen += 1;
                }
                seen
            })
        })
        .collect();
    for value in 1..30_u64 {
        receipt(
            probe
                .storeMany(U256::ZERO, U256::from(2), U256::from(value))
                .send()
                .await,
        )
        .await;
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    for reader in readers {
        assert!(reader.await.unwrap() > 0);
    }
    node.check().unwrap();
}

/// Reads two storage slots from one snapshot: one `eth_getProof`.
async fn pair(probe: &ProbeInstance<DynProvider>) -> (U256, U256) {
    let slot = |index: u64| keccak256([U256::from(index).to_be_bytes::<32>(), [0; 32]].concat());
    let proof = probe
        .provider()
        .get_proof(*probe.address(), vec![slot(0), slot(1)])
        .await
        .unwrap();
    (proof.storage_proof[0].value, proof.storage_proof[1].value)
}
