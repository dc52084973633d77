//! The hosted page, as a server sends it.

use crate::harness::Mock;

#[tokio::test]
async fn the_page_is_static_harmless_and_complete() {
    let mock = Mock::start();
    let made = mock.intent().await;
    let page = mock.client.get(mock.path(&format!("/pay/{}", made["id"].as_str().unwrap()))).send().await.unwrap();
    assert_eq!(page.status(), 200);
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(page.headers()["referrer-policy"], "no-referrer");
    let html = page.text().await.unwrap();
    assert!(html.contains("Tests &amp; &lt;Sons&gt;"), "the merchant's name is text");
    assert!(!html.contains("http://") && !html.contains("https://"), "nothing from elsewhere");
    for field in ["number", "expiry", "cvc"] {
        assert!(html.contains(&format!("<label for=\"{field}\">")), "{field} has a label");
    }
    for (asset, kind) in [("pay.js", "text/javascript"), ("pay.css", "text/css")] {
        assert!(html.contains(&format!("/assets/{asset}")));
        let file = mock.client.get(mock.path(&format!("/assets/{asset}"))).send().await.unwrap();
        assert!(file.headers()["content-type"].to_str().unwrap().starts_with(kind));
    }
}
