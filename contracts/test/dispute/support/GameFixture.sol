// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {DisputeLib} from "../../../src/dispute/DisputeLib.sol";
import {
    Challenge,
    DescriptorProof,
    DisputeTerms,
    FaultProof,
    Opening,
    Phase,
    Position
} from "../../../src/dispute/DisputeTypes.sol";
import {OptimisticClaims} from "../../../src/dispute/OptimisticClaims.sol";
import {IOneStep} from "../../../src/dispute/IOneStep.sol";
import {ModelHeader, Request, RoutePin, Tensor} from "../../../src/interfaces/Types.sol";
import {HubFixture} from "../../support/HubFixture.sol";
import {StubOneStep} from "./StubOneStep.sol";
import {Levels, TraceBook} from "./TraceBook.sol";

/// A hub whose third route is the dispute game, over the model of TraceBook; and players that know the game.
abstract contract GameFixture is HubFixture, TraceBook {
    bytes4 internal constant SELECTOR_3 = 0x33333333;
    bytes32 internal constant SALT = keccak256("salt");
    uint32 internal constant TOP_HEIGHT = 1; // of the nodes in a claim

    /// The segment that a challenger walks to.
    struct Target {
        uint32 op;
        uint32 element;
        uint48 term;
    }

    address internal immutable CHALLENGER = makeAddr("challenger");
    address internal immutable SECOND = makeAddr("second challenger");

    OptimisticClaims internal claims;
    bytes32 internal keyDigest;
    bytes32 internal modelId;
    bytes32 internal disputed; // the registration
    bytes private _asked;
    uint256 private _nonce;

    function setUp() public virtual override {
        super.setUp();
        claims = new OptimisticClaims(hub, oneStep(), GUARDIAN);
        vm.prank(ADMIN);
        router.add(SELECTOR_3, address(claims));
        _rememberTrace();
        keyDigest = claims.registerKey(modelHeader(), OPS, Levels.root(graphLevels()), terms());
        modelId = claims.keyOf(keyDigest).modelId;
        vm.startPrank(MODEL_OWNER);
        disputed = registry.register(modelHeader(), "ipfs://disputed");
        registry.bindKey(disputed, 3, SELECTOR_3, keyDigest);
        vm.stopPrank();
        vm.deal(CHALLENGER, 100 ether);
        vm.deal(SECOND, 100 ether);
    }

    function oneStep() private returns (IOneStep) {
        return new StubOneStep();
    }

    function terms() internal pure returns (DisputeTerms memory) {
        return DisputeTerms({
            claimBond: 5 ether + 1, challengeBond: 1 ether, window: 1000, proveTime: 300, clock: 200, extension: 50
        });
    }

    function modelHeader() internal pure returns (ModelHeader memory header_) {
        bytes memory spec = hex"01010200000001000000040410000000000100020000002701000000030420000000000100";
        return ModelHeader(DisputeLib.graphRoot(OPS, Levels.root(graphLevels())), keccak256("weights"), spec, 1);
    }

    /// A fresh request, assigned to PROVER.
    function assigned() internal returns (Request memory r) {
        r = aRequest();
        (r.registrationId, r.proveWindow, r.nonce) = (disputed, 10_000, ++_nonce);
        r.routes = new RoutePin[](1);
        r.routes[0] = RoutePin(3, SELECTOR_3, keyDigest);
        vm.deal(REQUESTER, 100 ether);
        vm.deal(PROVER, 100 ether);
        openRequest(r);
        assign(r);
    }

    function claimed() internal returns (bytes32 claimId) {
        Request memory r = assigned();
        _asked = abi.encode(r);
        return claimAs(PROVER, r);
    }

    /// What the last claim made by `claimed` answers.
    function asked() internal view returns (Request memory) {
        return abi.decode(_asked, (Request));
    }

    function claimAs(address claimant, Request memory r) internal returns (bytes32) {
        Tensor[] memory outputs_ = claimedOutputs();
        bytes32[] memory top = claimedTop();
        bytes32[][] memory paths = outputPaths();
        vm.prank(claimant);
        return claims.claim{value: terms().claimBond}(r, outputs_, top, paths, "ipfs://trace");
    }

    function claimedOutputs() internal view returns (Tensor[] memory list) {
        list = new Tensor[](1);
        list[0] = Tensor(4, dimsOf(OUTPUT), dataOf(OUTPUT));
    }

    function claimedTop() internal view returns (bytes32[] memory) {
        return traceLevels()[TOP_HEIGHT];
    }

    function outputPaths() internal view returns (bytes32[][] memory paths) {
        paths = new bytes32[][](1);
        paths[0] = Levels.siblings(traceLevels(), 0, OUTPUT, TOP_HEIGHT);
    }

    function tell(uint32 op, uint32 element, uint48 from) internal {
        lie = Lie(true, op, element, from, 3);
    }

    function commitmentOf(bytes32 claimId, address challenger, uint8 kind, uint32 index)
        internal
        pure
        returns (bytes32)
    {
        return DisputeLib.commitment(claimId, challenger, kind, index, SALT);
    }

    function commitAs(address challenger, bytes32 claimId, uint8 kind, uint32 index) internal returns (bytes32 id) {
        vm.prank(challenger);
        id = claims.commit{value: terms().challengeBond}(claimId, commitmentOf(claimId, challenger, kind, index));
    }

    /// Committed and opened at the top node over `op`, one block later.
    function opened(address challenger, bytes32 claimId, uint32 op) internal returns (bytes32 id) {
        id = commitAs(challenger, claimId, 0, op >> TOP_HEIGHT);
        vm.roll(block.number + 1);
        openAs(challenger, id, op);
    }

    function openAs(address challenger, bytes32 id, uint32 op) internal {
        bytes32[][] memory levels = traceLevels();
        uint32 index = op >> TOP_HEIGHT;
        bytes32[] memory path = Levels.siblings(levels, TOP_HEIGHT, index, levels.length - 1);
        DescriptorProof memory none;
        vm.prank(challenger);
        claims.open(id, index, SALT, levels[TOP_HEIGHT][index], path, none);
    }

    function descriptorProof(uint32 op) internal pure returns (DescriptorProof memory) {
        return DescriptorProof(descriptorOf(op), Levels.siblings(graphLevels(), 0, op, 6));
    }

    /// The claimant's answer at the position of the challenge.
    function answer(bytes32 id) internal {
        bytes memory call_ = answerCall(claims.challengeOf(id).at, id);
        vm.prank(PROVER);
        _send(call_);
    }

    function answerCall(Position memory p, bytes32 id) internal view returns (bytes memory) {
        if (p.phase == Phase.Sum) {
            return abi.encodeCall(claims.revealSums, (id, descriptorOf(p.op), sumsBody(p)));
        }
        if (p.phase == Phase.Trace && p.height > 0) {
            bytes32[] memory nodes = Levels.below(traceLevels(), p.height, p.index, 0);
            return abi.encodeCall(claims.reveal, (id, abi.encodePacked(nodes)));
        }
        bytes32[][] memory levels = tensorLevels(p.op);
        if (p.phase == Phase.Trace) {
            bytes memory body = tensorBody(p.op, levels, levels.length - 1, 0);
            return abi.encodeCall(claims.revealTensor, (id, descriptorOf(p.op), Levels.root(levels), body));
        }
        return abi.encodeCall(claims.reveal, (id, tensorBody(p.op, levels, p.height, p.index)));
    }

    function tensorBody(uint32 op, bytes32[][] memory levels, uint256 height, uint256 index)
        internal
        view
        returns (bytes memory)
    {
        if (height <= 2) return chunksOf(op, index << height, 1 << height);
        return abi.encodePacked(Levels.below(levels, height, index, height > 7 ? height - 5 : 2));
    }

    function sumsBody(Position memory p) internal view returns (bytes memory body) {
        uint256 step = DisputeLib.spacing(p.hi - p.lo);
        for (uint256 t = p.lo; t < p.hi; t += step) {
            body = abi.encodePacked(body, accumulatorOf(p.op, p.element, uint48(t)));
        }
        return abi.encodePacked(body, accumulatorOf(p.op, p.element, p.hi));
    }

    /// The challenger's move toward the target.
    function pick(bytes32 id, Target memory to) internal {
        Challenge memory c = claims.challengeOf(id);
        bytes memory call_ = pickCall(c.at, id, to);
        vm.prank(c.challenger);
        _send(call_);
    }

    function pickCall(Position memory p, bytes32 id, Target memory to) internal view returns (bytes memory) {
        if (p.phase == Phase.Sum) return _pickRange(p, id, to);
        DescriptorProof memory proof;
        if (p.phase == Phase.Trace && p.height > 0) {
            bytes32[][] memory trace = traceLevels();
            bytes32[] memory up = Levels.siblings(trace, 0, to.op, p.height);
            return abi.encodeCall(claims.pickNode, (id, to.op, trace[0][to.op], up, descriptorProof(to.op)));
        }
        bytes32[][] memory levels = tensorLevels(p.op);
        uint256 height = p.phase == Phase.Trace ? levels.length - 1 : p.height;
        uint256 chunk = to.element / 64;
        if (height <= 2) {
            bytes32[] memory up = Levels.siblings(levels, 0, chunk, height);
            return abi.encodeCall(claims.pickElement, (id, to.element, chunkOf(p.op, chunk), up));
        }
        uint256 child = height > 7 ? height - 5 : 2;
        uint32 index = uint32(chunk >> child);
        bytes32[] memory path = Levels.siblings(levels, child, index, height);
        return abi.encodeCall(claims.pickNode, (id, index, levels[child][index], path, proof));
    }

    /// The root over pairs of accumulators that a body of sums makes, with every level.
    function sumsLevels(bytes memory body) internal pure returns (bytes32[][] memory) {
        bytes32[] memory words = new bytes32[](body.length / 16 - 1);
        for (uint256 i = 0; i < words.length; ++i) {
            bytes32 word;
            assembly ("memory-safe") {
                word := mload(add(add(body, 0x20), mul(i, 16)))
            }
            words[i] = word;
        }
        return Levels.over(words);
    }

    /// Both sides play until the challenge is at `phase`, the defender having answered everything before.
    function walk(bytes32 id, Target memory to, Phase phase) internal {
        while (claims.challengeOf(id).at.phase != phase) {
            (bool defenders,) = claims.turnOf(id);
            if (defenders) answer(id);
            else pick(id, to);
        }
    }

    /// From a commitment to the segment with the target's term.
    function atStep(address challenger, bytes32 claimId, Target memory to) internal returns (bytes32 id) {
        id = opened(challenger, claimId, to.op);
        walk(id, to, Phase.Step);
    }

    function prove(bytes32 id) internal {
        Challenge memory c = claims.challengeOf(id);
        vm.prank(c.challenger);
        claims.prove(id, descriptorOf(c.at.op), new Opening[](0));
    }

    function faultProof(bytes32 id, uint32 op, uint32 element) internal view returns (FaultProof memory proof) {
        bytes32[][] memory levels = tensorLevels(op);
        (proof.challengeId, proof.op, proof.salt, proof.element) = (id, op, SALT, element);
        proof.descriptor = descriptorProof(op);
        proof.tracePath = Levels.siblings(traceLevels(), 0, op, 6);
        proof.chunk = chunkOf(op, element / 64);
        proof.chunkPath = Levels.siblings(levels, 0, element / 64, levels.length - 1);
    }

    function phaseOf(bytes32 id) internal view returns (Phase) {
        return claims.challengeOf(id).at.phase;
    }

    function _send(bytes memory call_) internal {
        (bool accepted, bytes memory reason) = address(claims).call(call_);
        if (!accepted) {
            assembly ("memory-safe") {
                revert(add(reason, 0x20), mload(reason))
            }
        }
    }

    function _pickRange(Position memory p, bytes32 id, Target memory to) private view returns (bytes memory) {
        uint256 step = DisputeLib.spacing(p.hi - p.lo);
        uint256 index = (to.term - p.lo) / step;
        uint256 lo = p.lo + index * step;
        uint256 hi = lo + step < p.hi ? lo + step : p.hi;
        bytes32[][] memory levels = sumsLevels(sumsBody(p));
        return abi.encodeCall(
            claims.pickRange,
            (
                id,
                uint32(index),
                accumulatorOf(p.op, p.element, uint48(lo)),
                accumulatorOf(p.op, p.element, uint48(hi)),
                Levels.siblings(levels, 0, index, levels.length - 1)
            )
        );
    }
}
