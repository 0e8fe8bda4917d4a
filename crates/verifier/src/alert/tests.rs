use std::sync::Mutex;

use axum::http::StatusCode;
use stele_types::Timestamp;

use super::*;
use crate::state::Accusation;

type Heard = Arc<Mutex<Vec<Value>>>;

/// A receiver with a mind of its own, and what it took.
async fn receiver(judge: fn(&Value, usize) -> StatusCode) -> (Alerts, Heard) {
    let (url, heard) = listening(judge).await;
    (Alerts::new(&url).unwrap(), heard)
}

/// The same, by its URL.
async fn listening(judge: fn(&Value, usize) -> StatusCode) -> (String, Heard) {
    let heard = Heard::default();
    let kept = Arc::clone(&heard);
    let calls = Arc::new(Mutex::new(0));
    let app = axum::Router::new().fallback(move |text: String| {
        let body: Value = serde_json::from_str(&text).unwrap();
        let mut calls = calls.lock().unwrap();
        *calls += 1;
        let status = judge(&body, *calls);
        if status == StatusCode::OK {
            kept.lock().unwrap().push(body);
        }
        std::future::ready(status)
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/alerts", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, heard)
}

fn refusal(notes: &[&str]) -> Refusal {
    Refusal {
        accusation: Accusation::Fork,
        message: "two heads".to_owned(),
        at: Timestamp(1),
        notes: notes.iter().map(|note| (*note).to_owned()).collect(),
        decision: None,
        told: false,
        parked: None,
    }
}

#[tokio::test]
async fn an_accusation_is_told_until_the_webhook_has_taken_it() {
    let (alerts, heard) = receiver(|_, calls| match calls {
        1 => StatusCode::BAD_GATEWAY,
        _ => StatusCode::OK,
    })
    .await;
    let mut teller = alerts.teller();
    let told = Refusal {
        told: true,
        ..refusal(&[])
    };
    teller.tell("log", &told);
    assert!(teller.telling.is_empty(), "it was told before");
    teller.raise("log", &refusal(&["a head"]));
    teller.tell("log", &refusal(&["a head"]));
    assert_eq!(teller.telling.len(), 1, "it is being told");
    assert_eq!(teller.news().await, News::Taken);
    let heard = heard.lock().unwrap();
    assert_eq!(heard.len(), 1);
    assert_eq!(
        (&heard[0]["log"], &heard[0]["refused"]["accusation"]),
        (&"log".into(), &"fork".into())
    );
    assert_eq!(heard[0]["refused"]["notes"], json!(["a head"]));
}

#[tokio::test]
async fn what_a_receiver_refuses_is_told_without_the_notes_and_holds_up_nobody() {
    let (alerts, heard) =
        receiver(
            |body, _| match body["log"] == "bad" || body["refused"]["notes"][0] == "too much" {
                true => StatusCode::PAYLOAD_TOO_LARGE,
                false => StatusCode::OK,
            },
        )
        .await;
    let mut tellers = [(); 3].map(|()| alerts.teller());
    let [bad, large, good] = &mut tellers;
    bad.raise("bad", &refusal(&["a head"]));
    large.raise("large", &refusal(&["too much"]));
    good.raise("good", &refusal(&[]));
    assert_eq!(
        bad.news().await,
        News::Parked("answered 413 Payload Too Large".to_owned())
    );
    assert_eq!(
        (large.news().await, good.news().await),
        (News::Taken, News::Taken)
    );
    let heard = heard.lock().unwrap();
    let large = heard.iter().find(|body| body["log"] == "large").unwrap();
    assert_eq!((&large["refused"]["notes_left_out"], heard.len()), (&1.into(), 2));
}

#[tokio::test]
async fn an_accusation_goes_no_further_than_its_receiver() {
    let (target, elsewhere) = listening(|_, _| StatusCode::OK).await;
    let app = axum::Router::new().fallback(move || {
        let to = [("location", target.clone())];
        std::future::ready((StatusCode::TEMPORARY_REDIRECT, to))
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/alerts", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let mut teller = Alerts::new(&url).unwrap().teller();
    teller.raise("log", &refusal(&[]));
    let parked = News::Parked("answered 307 Temporary Redirect".to_owned());
    assert_eq!(teller.news().await, parked);
    assert!(elsewhere.lock().unwrap().is_empty());
}

#[tokio::test]
async fn no_body_is_larger_than_receivers_take() {
    let (alerts, heard) = receiver(|body, calls| {
        assert_eq!(calls, 1, "it fits at the first try");
        match body.to_string().len() > MAX_BODY {
            true => StatusCode::PAYLOAD_TOO_LARGE,
            false => StatusCode::OK,
        }
    })
    .await;
    let mut long = refusal(&[&"\u{1}".repeat(MAX_BODY / 2)]);
    long.message = "ü\u{1}".repeat(MAX_BODY);
    let mut teller = alerts.teller();
    teller.raise("log", &long);
    assert_eq!(teller.news().await, News::Taken);
    let heard = heard.lock().unwrap();
    let message = heard[0]["refused"]["message"].as_str().unwrap();
    assert!(message.ends_with('…') && message.len() <= MAX_WORDS + 3);
}
