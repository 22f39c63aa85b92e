use super::*;
use object_store::memory::InMemory;
use staunch_types::{LocalFs, SystemRng};
use std::sync::Arc;

/// Every test runs on both forms: the protocol must not care.
fn on_both(check: impl Fn(Arc<dyn Store>)) {
    let dir = tempfile::tempdir().unwrap();
    check(Arc::new(LocalStore::open(dir.path(), Arc::new(LocalFs), Arc::new(SystemRng)).unwrap()));
    check(Arc::new(ObjectStoreBacked::new(Arc::new(InMemory::new()), "state/region")));
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    futures::executor::block_on(future)
}

#[test]
fn the_first_create_wins_and_the_second_changes_nothing() {
    on_both(|store| {
        assert_eq!(wait(store.put_if_absent("epochs/1", b"a".to_vec())).unwrap(), Put::Created);
        assert_eq!(wait(store.put_if_absent("epochs/1", b"b".to_vec())).unwrap(), Put::Exists);
        assert_eq!(wait(store.get("epochs/1")).unwrap().unwrap(), b"a");
        assert_eq!(wait(store.get("epochs/2")).unwrap(), None);
    });
}

#[test]
fn lists_are_sorted_and_local_to_their_folder() {
    on_both(|store| {
        for name in ["epochs/3", "epochs/1", "manifests/1", "applied/1/a"] {
            wait(store.put_if_absent(name, Vec::new())).unwrap();
        }
        assert_eq!(wait(store.list("epochs")).unwrap(), ["1", "3"]);
        assert_eq!(wait(store.list("applied")).unwrap(), ["1"]);
        assert!(wait(store.list("nothing")).unwrap().is_empty());
        wait(store.delete("epochs/3")).unwrap();
        wait(store.delete("epochs/3")).unwrap();
        assert_eq!(wait(store.list("epochs")).unwrap(), ["1"]);
    });
}

#[test]
fn a_large_artefact_is_seen_only_when_it_is_finished() {
    on_both(|store| {
        let mut writer = store.create("segments/a").unwrap();
        writer.write_all(&vec![7; 1 << 20]).unwrap();
        assert_eq!(wait(store.get("segments/a")).unwrap(), None);
        writer.finish().unwrap();
        let mut bytes = Vec::new();
        store.open("segments/a").unwrap().read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, vec![7; 1 << 20]);
        assert!(store.create("segments/a").unwrap().finish().is_err(), "names are used once");
        let error = store.open("segments/b").err().unwrap();
        assert_eq!(error.code().name, "Store.Corrupt");
    });
}

#[cfg(unix)]
#[test]
fn what_is_private_is_the_owners_and_what_is_shared_follows_the_umask() {
    use staunch_types::{Access, Fs, LocalFs};
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path();
    let mode = |name: &str| std::fs::metadata(base.join(name)).unwrap().permissions().mode() & 0o777;
    // What the umask lets through.
    std::fs::create_dir(base.join("plain")).unwrap();
    std::fs::write(base.join("plain.txt"), "").unwrap();
    for (access, name) in [(Access::Private, "private"), (Access::Shared, "shared")] {
        LocalFs.create_dirs(&base.join(name).join("below"), access).unwrap();
        LocalFs.create_new(&base.join(format!("{name}.txt")), access).unwrap();
    }
    let found = ["private", "private/below", "private.txt", "shared", "shared/below", "shared.txt"].map(mode);
    let (folder, file) = (mode("plain"), mode("plain.txt"));
    assert_eq!(found, [0o700, 0o700, 0o600, folder, folder, file]);
    // A folder that is there keeps its mode.
    LocalFs.create_dirs(&base.join("private"), Access::Shared).unwrap();
    assert_eq!(mode("private"), 0o700);
}
