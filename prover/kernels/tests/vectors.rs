//! The golden vectors that Python, Rust and Solidity share.

use inferproof_kernels::keccak::{keccak256, merkle_root, tensor_root};
use serde_json::Value;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../../tests/vectors/statement.json")).unwrap()
}

fn unhex(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap().strip_prefix("0x").unwrap();
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a Vec<Value> {
    let found = value[key].as_array().unwrap();
    assert!(!found.is_empty(), "no vectors under {key}");
    found
}

#[test]
fn leaves_are_tagged_digests() {
    for vector in list(&vectors(), "leaves") {
        let tagged = [vec![0], unhex(&vector["data"])].concat();
        assert_eq!(keccak256(&tagged).to_vec(), unhex(&vector["hash"]));
    }
}

#[test]
fn merkle_roots_agree() {
    for vector in list(&vectors(), "merkle") {
        let leaves: Vec<u8> = vector["leaves"].as_array().unwrap().iter().flat_map(unhex).collect();
        assert_eq!(merkle_root(&leaves).unwrap().to_vec(), unhex(&vector["root"]));
    }
}

#[test]
fn tensor_roots_agree() {
    for vector in list(&vectors(), "tensors") {
        let dims: Vec<u32> = vector["dims"].as_array().unwrap().iter().map(|d| d.as_u64().unwrap() as u32).collect();
        let width = vector["width"].as_u64().unwrap() as u8;
        let root = tensor_root(&unhex(&vector["data"]), width, &dims).unwrap();
        assert_eq!(root.to_vec(), unhex(&vector["root"]), "{}", vector["name"]);
    }
}
