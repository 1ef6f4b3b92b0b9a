//! What becomes of an allow while it is written: other policies may be in use when it is to be given.

use super::*;
use crate::policy::Reloaded;

#[tokio::test]
async fn an_allow_by_policies_that_are_no_longer_in_use_is_not_given() {
    let mut world = World::new();
    world.grants.insert(1001, grant(1001, "adele", start(), Duration::from_secs(60)));
    world.revision += 1;
    world.renew();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(root.join("policies")).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), files.path().join(entry.file_name())).unwrap();
        }
    }
    let (dir, schema) = (files.path().to_owned(), root.join("schemas/lockbox.cedarschema"));
    let origin = Origin::Directory { dir, schema };
    let policies = PolicyHandle::open(origin, Duration::from_secs(u64::MAX / 2), Duration::ZERO);
    let path = EvaluateAccess { policies: Arc::new(policies.unwrap()), ..world.uncached };
    let asked = Ok(question("adele", "read"));
    let caller = CallerName::parse("exchange-frontend").unwrap();
    let (_, mut answer) = path.decide(&caller, &asked, world.clock.boot()).split();
    assert!(answer.decision().allows() && path.stands(&mut answer, &asked), "{:?}", answer.decision());

    // Policies that say the same of it: it stands. Others that forbid it: it does not, at the same state.
    let more = |text: &str| {
        std::fs::write(files.path().join("more.cedar"), text).unwrap();
        assert!(matches!(path.policies.reload(Duration::ZERO), Reloaded::Swapped { .. }));
    };
    more("@id(\"more\") forbid (principal is Lockbox::Engineer, action == Lockbox::Action::\"delete\", resource);");
    assert!(path.stands(&mut answer, &asked));
    more("@id(\"more\") forbid (principal is Lockbox::Engineer, action == Lockbox::Action::\"read\", resource);");
    assert!(!path.stands(&mut answer, &asked));
    let again = path.evaluate(&caller, &asked).await.unwrap();
    assert_eq!(again.decision().reason, Reason::PolicyDenied);
}
