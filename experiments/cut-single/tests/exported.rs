//! Generators as files of their own: what they tell, and what their keys tell.
#![cfg(unix)]

mod common;

use common::{Place, assert, files, method, refuses};
use semrel_nn::checkpoint::{load_safetensors, metadata, save};
use std::collections::BTreeMap;
use std::fs;

#[test]
fn widths_and_layers_of_a_file_are_told_by_its_keys() {
    let place = Place::new();
    for keys in
        [&["model.antialias=false", "model.nce_layers=[0,3]"][..], &["model.antialias_up=false", "model.blocks=3"]]
    {
        place.trained("run", keys);
        assert(place.command(&["export", "run", "--out", "exported.safetensors"])).success();
        let tensors = load_safetensors(place.path("exported.safetensors")).unwrap();
        save(place.path("G.safetensors"), &tensors, &BTreeMap::new()).unwrap();
        let input = ["data/testA/0.png", "--size", "32x32", "--out"];
        assert(place.command(&[&["translate", "run"], &input[..], &["a"]].concat())).success();
        assert(place.command(&[&["translate", "G.safetensors"], &input[..], &["b"]].concat())).success();
        assert!(fs::read(place.path("a/0.png")).unwrap() == fs::read(place.path("b/0.png")).unwrap(), "{keys:?}");
        fs::remove_dir_all(place.path("run")).unwrap();
    }
}

/// What keys and shapes cannot tell, an exported file says: its network needs no configuration beside it.
#[test]
fn an_exported_file_describes_its_network() {
    let place = Place::new();
    assert(place.train("run", &method("recipe"))).success();
    assert(place.command(&["export", "run", "--out", "G.safetensors"])).success();
    for (generator, out) in [("run", "a"), ("G.safetensors", "b")] {
        assert(place.command(&["translate", generator, "data/testA", "--out", out])).success();
    }
    assert!(files(&place.path("a")) == files(&place.path("b")));
    let told = metadata(place.path("G.safetensors")).unwrap();
    assert!(!told["config"].contains("\"data\":{\"root\":\"data\""), "{}", told["config"]);
    let mut damaged = told.clone();
    damaged.insert("config".into(), "{\"name\": 3}".into());
    let tensors = load_safetensors(place.path("G.safetensors")).unwrap();
    save(place.path("damaged.safetensors"), &tensors, &damaged).unwrap();
    refuses(
        place.command(&["translate", "damaged.safetensors", "data/testA", "--out", "x"]),
        &["damaged.safetensors", "invalid type"],
    );
}

/// A file that claims to be wide is not built before it is compared with what it holds.
#[test]
fn a_file_that_is_wider_than_it_holds_is_refused() {
    let place = Place::new();
    place.trained("run", &[]);
    assert(place.command(&["export", "run", "--out", "G.safetensors"])).success();
    let told = metadata(place.path("G.safetensors")).unwrap();
    let tensors = load_safetensors(place.path("G.safetensors")).unwrap();
    let mut wide = told.clone();
    wide.insert("config".into(), told["config"].replace("\"ngf\":4", "\"ngf\":1024"));
    save(place.path("wide.safetensors"), &tensors, &wide).unwrap();
    refuses(
        place.command(&["translate", "wide.safetensors", "data/testA", "--out", "x"]),
        &["wide.safetensors", "residual blocks of 4096 channels"],
    );
}
