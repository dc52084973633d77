//! The pages: served with the headers that keep them safe, or a word on how to build them.

use queue_gateway::Config;

use crate::harness::{Ask, config, door, door_with};

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_served_under_their_paths() {
    let dir = tempfile::tempdir().unwrap();
    for page in ["index", "event", "queue", "draw", "find", "report", "promoter", "operator"] {
        std::fs::write(dir.path().join(format!("{page}.html")), format!("<p>{page}</p>")).unwrap();
    }
    std::fs::create_dir(dir.path().join("assets")).unwrap();
    std::fs::write(dir.path().join("assets/queue-0123.js"), "export {}").unwrap();
    std::fs::write(dir.path().join("secret.txt"), "not a page").unwrap();
    let door = door_with(Config { web_dir: Some(dir.path().to_owned()), ..config() }).await;
    for (path, page) in [
        ("/", "index"),
        ("/e/evt_1", "event"),
        ("/q/sal_1", "queue"),
        ("/draw/sal_1", "draw"),
        ("/find", "find"),
        ("/report/sal_1", "report"),
        ("/promoter", "promoter"),
        ("/operator", "operator"),
    ] {
        let answer = Ask::new("GET", path).to(&door).await;
        assert_eq!(answer.status.as_u16(), 200, "{path}");
        assert_eq!(answer.body, format!("<p>{page}</p>").into_bytes());
        assert_eq!(answer.header("content-type"), Some("text/html"));
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!(answer.header("cache-control"), Some("public, max-age=60"));
        assert!(answer.header("etag").is_some() || answer.header("last-modified").is_some());
    }
    let asset = Ask::new("GET", "/assets/queue-0123.js").to(&door).await;
    assert_eq!((asset.status.as_u16(), asset.header("content-type")), (200, Some("text/javascript")));
    assert_eq!(asset.header("cache-control"), Some("public, max-age=31536000, immutable"));
    for path in
        ["/assets/none.js", "/assets/../secret.txt", "/assets/%2e%2e/secret.txt", "/secret.txt", "/assets/", "/e"]
    {
        let answer = Ask::new("GET", path).to(&door).await;
        assert!(answer.header("cache-control").is_none(), "what is missing is not kept by anybody: {path}");
        answer.problem(404);
    }
    Ask::new("POST", "/find").to(&door).await.problem(405);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_pages_the_door_says_how_to_build_them() {
    let door = door().await;
    let answer = Ask::new("GET", "/").to(&door).await;
    assert_eq!(answer.status.as_u16(), 200);
    assert!(String::from_utf8(answer.body).unwrap().contains("npm run build"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_without_the_pages_is_told_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let (database, redis) = (testkit::database().await, testkit::redis().await);
    let store = store::Store::with_pool(database.pool.clone(), redis.url()).unwrap();
    let clock = chassis::clock::Clock::system();
    let papers = crate::harness::papers(crate::harness::SECRET, &clock);
    let config = Config { web_dir: Some(dir.path().to_owned()), ..config() };
    let fault =
        queue_gateway::prepare(config, &[crate::harness::SECRET.to_owned()], store, papers, clock).await.unwrap_err();
    assert!(fault.to_string().contains("web_dir"), "{fault}");
}
