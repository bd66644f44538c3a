// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// A tensor of signed integers: two's complement, big-endian, row-major, `width` bytes each (4 or 8).
struct Tensor {
    uint8 width;
    uint32[] dims;
    bytes data;
}

/// Where a program takes or gives a tensor: its shape, and the signed bits that every value fits.
struct PortSpec {
    uint32[] dims;
    uint8 bits;
}

/// What every route proves: program `modelId` maps `inputRoot` to `outputRoot`. docs/protocol/statement.md
struct Statement {
    bytes32 modelId;
    bytes32 inputRoot;
    bytes32 outputRoot;
}

/// The preimage of a model id.
struct ModelHeader {
    bytes32 graphRoot;
    bytes32 weightsRoot;
    bytes ioSpec;
    uint32 opsetVersion;
}

/// One allowed way to be convinced, pinned down to the verifier's key.
struct RoutePin {
    uint8 route;
    bytes4 selector;
    bytes32 keyDigest;
}

/// Everything economic about a request. Its EIP-712 hash is the request's id.
struct Request {
    address requester; // asks, gets refunds, and the callback if it is a contract and callbackGas > 0
    address payer; // whose money pays the fee: the requester (value sent, or its credit), or zero: whoever submits
    bytes32 registrationId;
    bytes32 inputRoot;
    RoutePin[] routes;
    uint128 fee; // wei
    uint128 bond; // wei, at least the fee; doubles each time a prover lets its assignment expire
    uint64 proveWindow; // seconds from assignment to deadline
    uint64 expiry; // unix time after which nobody can be assigned
    uint32 callbackGas;
    uint256 nonce; // any unused number of the requester's choosing
}

/// What a consumer is handed, once, after the hub has accepted it as final.
struct AttestedOutput {
    bytes32 registrationId;
    bytes32 inputRoot;
    uint8 route;
    bytes32 keyDigest;
    Tensor[] outputs;
}
