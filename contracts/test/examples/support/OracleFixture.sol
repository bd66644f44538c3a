// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Test, Vm} from "forge-std/Test.sol";
import {InferenceHub} from "../../../src/core/InferenceHub.sol";
import {ModelRegistry} from "../../../src/core/ModelRegistry.sol";
import {VerifierRouter} from "../../../src/core/VerifierRouter.sol";
import {IInferenceHub} from "../../../src/interfaces/IInferenceHub.sol";
import {ModelHeader, Request, RoutePin, Tensor} from "../../../src/interfaces/Types.sol";
import {AttestedRiskOracle} from "../../../src/examples/AttestedRiskOracle.sol";
import {FeedReturns} from "../../../src/examples/FeedReturns.sol";
import {ReplayPriceFeed} from "../../../src/examples/ReplayPriceFeed.sol";
import {Rails} from "../../../src/examples/RiskRails.sol";
import {AcceptingVerifier} from "./AcceptingVerifier.sol";

/// A hub, registry and router as deployed, a verifier that accepts anything, a feed with one round a day, an oracle.
abstract contract OracleFixture is Test {
    uint256 internal constant START = 20_000 days;
    uint16 internal constant WINDOW = 4;
    uint8 internal constant OUT_SCALE = 14;
    int32 internal constant ONE = int32(1) << OUT_SCALE;
    uint128 internal constant FEE = 1 ether;
    uint32 internal constant PROVE_WINDOW = 1 hours;
    bytes4 internal constant SELECTOR = 0x0a0b0c0d;
    bytes32 internal constant KEY = keccak256("key");

    address internal market = makeAddr("collateral asset");
    address internal keeper = makeAddr("keeper");
    address internal prover = makeAddr("prover");

    VerifierRouter internal router;
    ModelRegistry internal registry;
    InferenceHub internal hub;
    ReplayPriceFeed internal feed;
    AttestedRiskOracle internal oracle;
    bytes32 internal registrationId;

    function setUp() public virtual {
        vm.warp(START + 10 minutes);
        router = new VerifierRouter(address(this), address(this));
        registry = new ModelRegistry(router);
        hub = new InferenceHub(registry, router);
        router.add(SELECTOR, address(new AcceptingVerifier()));
        registrationId = _register(_ioSpec(_window(), 15, 0, OUT_SCALE));
        registry.bindKey(registrationId, 1, SELECTOR, KEY);
        feed = new ReplayPriceFeed(address(this), 8, "replay");
        for (uint256 i = 0; i <= _window(); ++i) {
            feed.push(int192(int256(1000e8 + i * 1e8)), uint64(START - (_window() - i) * 1 days));
        }
        oracle = new AttestedRiskOracle(hub, _config(), _pins());
        vm.deal(keeper, 1_000 ether);
        vm.deal(prover, 1_000 ether);
    }

    function _window() internal view virtual returns (uint16) {
        return WINDOW;
    }

    function _config() internal view returns (AttestedRiskOracle.Config memory c) {
        c.market = market;
        c.model = AttestedRiskOracle.Model(registry, registrationId, OUT_SCALE);
        c.source = FeedReturns.Source(feed, _window(), 15, 16, 26 hours);
        c.terms = AttestedRiskOracle.Terms(FEE, 2 ether, PROVE_WINDOW, 600_000);
        c.rails = Rails({
            minLtv: 3_000, maxLtv: 8_000, minThreshold: 4_000, maxThreshold: 8_600, maxStep: 300, gap: 500, buffer: 200
        });
        c.minDelay = 20 hours;
        c.maxResultAge = 8 hours;
        c.initialLtv = 7_000;
        c.initialThreshold = 7_800;
    }

    function _pins() internal pure returns (RoutePin[] memory pins) {
        pins = new RoutePin[](1);
        pins[0] = RoutePin(1, SELECTOR, KEY);
    }

    function _register(bytes memory ioSpec) internal returns (bytes32) {
        return registry.register(ModelHeader(keccak256("graph"), keccak256("weights"), ioSpec, 1), "");
    }

    function _ioSpec(uint32 window, uint8 inScale, uint8 visibility, uint8 outScale)
        internal
        pure
        returns (bytes memory)
    {
        bytes memory input =
            abi.encodePacked(uint8(2), uint32(1), window, uint8(4), uint8(16), visibility, uint32(1), inScale);
        bytes memory output =
            abi.encodePacked(uint8(2), uint32(1), uint32(1), uint8(4), uint8(16), uint8(0), uint32(1), outScale);
        return bytes.concat(hex"0101", input, abi.encodePacked(uint8(2), uint32(7)), output);
    }

    /// The rounds for the last midnight: the fixture's feed has one a day, and the latest is that midnight's.
    function _roundIds() internal view returns (uint80[] memory ids) {
        (uint80 latest,,,,) = feed.latestRoundData();
        ids = new uint80[](_window() + 1);
        for (uint80 i = 0; i <= _window(); ++i) {
            ids[i] = latest - i;
        }
    }

    /// To ten past the next midnight, with a round at that midnight.
    function _nextDay(int192 price) internal {
        uint256 midnight = block.timestamp / 1 days * 1 days + 1 days;
        vm.warp(midnight + 10 minutes);
        feed.push(price, uint64(midnight));
    }

    /// Asks as the keeper; gives the request as the hub's event has it.
    function _ask() internal returns (Request memory r, bytes32 requestId) {
        uint80[] memory ids = _roundIds();
        vm.recordLogs();
        vm.prank(keeper);
        requestId = oracle.requestUpdate{value: FEE}(ids);
        r = _requestIn(vm.getRecordedLogs());
    }

    function _requestIn(Vm.Log[] memory logs) internal pure returns (Request memory r) {
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == IInferenceHub.Requested.selector) {
                (r,) = abi.decode(logs[i].data, (Request, Tensor[]));
            }
        }
    }

    function _answer(Request memory r, int32 drawdown) internal {
        _assign(r);
        _fulfil(r, _output(drawdown));
    }

    function _assign(Request memory r) internal {
        uint256 bond = hub.bondOf(r);
        vm.prank(prover);
        hub.assign{value: bond}(r);
    }

    function _fulfil(Request memory r, Tensor[] memory outputs) internal {
        vm.prank(prover);
        hub.fulfil(r, 1, outputs, "");
    }

    function _output(int32 drawdown) internal pure returns (Tensor[] memory outputs) {
        outputs = new Tensor[](1);
        uint32[] memory dims = new uint32[](2);
        (dims[0], dims[1]) = (1, 1);
        outputs[0] = Tensor(4, dims, abi.encodePacked(drawdown));
    }

    /// One full update: ask, prove, deliver.
    function _update(int32 drawdown) internal returns (bytes32 requestId) {
        Request memory r;
        (r, requestId) = _ask();
        _answer(r, drawdown);
    }
}
