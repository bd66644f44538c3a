// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IProofVerifier} from "../interfaces/IProofVerifier.sol";
import {IVerifierRouter} from "../interfaces/IVerifierRouter.sol";
import {Statement} from "../interfaces/Types.sol";

/// Which verifier a selector means. A selector is bound once in its life: what was removed or stopped stays so, and a
/// fixed verifier comes under a new selector that consumers choose to pin.
contract VerifierRouter is IVerifierRouter, Ownable2Step {
    enum State {
        Unbound,
        Live,
        Stopped,
        Removed
    }

    struct Entry {
        address verifier;
        State state;
    }

    event GuardianChanged(address indexed previous, address indexed current);

    error SelectorTaken(bytes4 selector, address verifier, State state);
    error SelectorNotLive(bytes4 selector, State state);
    error SelectorNotRemovable(bytes4 selector, State state);
    error ZeroSelector();
    error VerifierWithoutCode(address verifier);
    error NotTheGuardian(address caller, address guardian);

    /// May stop a verifier, nothing else.
    address public guardian;
    mapping(bytes4 selector => Entry entry) private _entries;

    constructor(address owner_, address guardian_) Ownable(owner_) {
        _setGuardian(guardian_);
    }

    function setGuardian(address guardian_) external onlyOwner {
        _setGuardian(guardian_);
    }

    /// @inheritdoc IVerifierRouter
    function add(bytes4 selector, address verifier) external onlyOwner {
        Entry memory entry = _entries[selector];
        if (selector == 0) revert ZeroSelector();
        if (entry.state != State.Unbound) revert SelectorTaken(selector, entry.verifier, entry.state);
        if (verifier.code.length == 0) revert VerifierWithoutCode(verifier);
        _entries[selector] = Entry(verifier, State.Live);
        emit VerifierAdded(selector, verifier);
    }

    /// @inheritdoc IVerifierRouter
    function remove(bytes4 selector) external onlyOwner {
        Entry storage entry = _entries[selector];
        State state = entry.state;
        if (state != State.Live && state != State.Stopped) revert SelectorNotRemovable(selector, state);
        entry.state = State.Removed;
        emit VerifierRemoved(selector, entry.verifier);
    }

    /// @inheritdoc IVerifierRouter
    function stop(bytes4 selector) external {
        if (msg.sender != guardian) revert NotTheGuardian(msg.sender, guardian);
        Entry storage entry = _entries[selector];
        if (entry.state != State.Live) revert SelectorNotLive(selector, entry.state);
        entry.state = State.Stopped;
        emit VerifierStopped(selector, entry.verifier);
    }

    /// The verifier that the selector was bound to, also after it was stopped or removed; zero if never bound.
    function verifierOf(bytes4 selector) external view returns (address) {
        return _entries[selector].verifier;
    }

    function stateOf(bytes4 selector) external view returns (State) {
        return _entries[selector].state;
    }

    /// @inheritdoc IVerifierRouter
    function isLive(bytes4 selector) external view returns (bool) {
        return _entries[selector].state == State.Live;
    }

    /// @inheritdoc IVerifierRouter
    function verify(bytes4 selector, bytes32 keyDigest, Statement calldata statement, bytes calldata proof)
        external
        view
    {
        Entry memory entry = _entries[selector];
        if (entry.state != State.Live) revert SelectorNotLive(selector, entry.state);
        IProofVerifier(entry.verifier).verify(keyDigest, statement, proof);
    }

    function _setGuardian(address guardian_) private {
        emit GuardianChanged(guardian, guardian_);
        guardian = guardian_;
    }
}
