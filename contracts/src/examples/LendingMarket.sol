// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC4626} from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IAggregatorV3} from "./interfaces/IAggregatorV3.sol";
import {IRiskOracle} from "./interfaces/IRiskOracle.sol";

/// A small lending market for one collateral and one loan asset, whose loan-to-value ratio and liquidation threshold are
/// read from a risk oracle. Lenders hold ERC-4626 shares of the loan asset. Borrowing bears no interest: the example is
/// about where risk parameters come from. Both tokens must be plain ERC-20s (no fee on transfer, no callbacks), and the
/// loan asset is what the feed prices the collateral in.
contract LendingMarket is ERC4626 {
    using Math for uint256;
    using SafeCast for uint256;
    using SafeERC20 for IERC20;

    /// What this market accepts from its oracle, and how it liquidates. Ratios in basis points.
    struct Limits {
        uint16 maxLtv;
        uint16 maxThreshold;
        uint16 liquidationBonus; // on top of what is repaid
        uint32 maxUpdateAge; // seconds; six hours is what stewards use
        uint32 maxPriceAge; // seconds
    }

    struct Position {
        uint128 collateral;
        uint128 debt;
    }

    error TokensNotDistinct(address token);
    error LimitsInconsistent(Limits limits);
    error UpdateTooOld(string updateType, uint256 timestamp, uint256 maxAge);
    error UpdateNotNewer(uint256 timestamp, uint256 applied);
    error UpdatesNotOfOnePublication(uint256 ltvTime, uint256 thresholdTime);
    error UpdateMalformed(string updateType, bytes value);
    error UpdateOutOfBounds(uint256 ltv, uint256 threshold);
    error PriceUnusable(int256 answer, uint256 updatedAt, uint256 maxAge);
    error BeyondLtv(uint256 debt, uint256 allowed);
    error CollateralTooSmall(uint256 collateral, uint256 amount);
    error DebtTooSmall(uint256 debt, uint256 amount);
    error PositionHealthy(address borrower, uint256 debt, uint256 allowed);
    error NothingToLiquidate(address borrower);

    event CollateralSupplied(address indexed account, address indexed from, uint256 amount);
    event CollateralWithdrawn(address indexed account, uint256 amount);
    event Borrowed(address indexed account, uint256 amount);
    event Repaid(address indexed account, address indexed from, uint256 amount);
    event Liquidated(address indexed borrower, address indexed by, uint256 repaid, uint256 seized, uint256 writtenOff);
    event RiskParametersApplied(uint256 ltv, uint256 liquidationThreshold, uint256 publishedAt);

    uint256 private constant BPS = 10_000;

    IERC20 public immutable COLLATERAL;
    IAggregatorV3 public immutable PRICE_FEED;
    IRiskOracle public immutable RISK_ORACLE;
    uint256 private immutable _collateralUnit; // value = amount * price * loanUnit / (collateralUnit * priceUnit)
    uint256 private immutable _loanUnit;
    uint256 private immutable _priceUnit;

    Limits private _limits;
    uint256 public ltv;
    uint256 public liquidationThreshold;
    uint256 public parametersPublishedAt;
    uint256 public totalDebt;
    mapping(address account => Position) public positionOf;

    constructor(
        IERC20Metadata loanAsset,
        IERC20Metadata collateral,
        IAggregatorV3 priceFeed,
        IRiskOracle riskOracle,
        Limits memory limits_,
        uint256 initialLtv,
        uint256 initialThreshold
    ) ERC20("Inferproof example market", "ipMKT") ERC4626(loanAsset) {
        if (address(loanAsset) == address(collateral)) {
            revert TokensNotDistinct(address(collateral));
        }
        // At the threshold, seizing the whole debt's worth with its bonus must not take more than the collateral.
        bool solvent = uint256(limits_.maxThreshold) * (BPS + limits_.liquidationBonus) <= BPS * BPS;
        if (!solvent || limits_.maxLtv > limits_.maxThreshold) revert LimitsInconsistent(limits_);
        _limits = limits_;
        _requireInBounds(initialLtv, initialThreshold);
        (ltv, liquidationThreshold) = (initialLtv, initialThreshold);
        (COLLATERAL, PRICE_FEED, RISK_ORACLE) = (collateral, priceFeed, riskOracle);
        _collateralUnit = 10 ** collateral.decimals();
        _loanUnit = 10 ** loanAsset.decimals();
        _priceUnit = 10 ** priceFeed.decimals();
    }

    /// Applies the oracle's latest pair. Anybody may call; it reverts unless the pair is newer and within the limits.
    function syncRiskParameters() external {
        (uint256 newLtv, uint256 ltvTime) = _latest("ltv");
        (uint256 newThreshold, uint256 thresholdTime) = _latest("liquidationThreshold");
        if (ltvTime != thresholdTime) revert UpdatesNotOfOnePublication(ltvTime, thresholdTime);
        if (ltvTime <= parametersPublishedAt) revert UpdateNotNewer(ltvTime, parametersPublishedAt);
        _requireInBounds(newLtv, newThreshold);
        (ltv, liquidationThreshold, parametersPublishedAt) = (newLtv, newThreshold, ltvTime);
        emit RiskParametersApplied(newLtv, newThreshold, ltvTime);
    }

    function supplyCollateral(address account, uint256 amount) external {
        positionOf[account].collateral += amount.toUint128();
        emit CollateralSupplied(account, msg.sender, amount);
        COLLATERAL.safeTransferFrom(msg.sender, address(this), amount);
    }

    /// What remains must still allow the debt under the loan-to-value ratio.
    function withdrawCollateral(uint256 amount) external {
        Position storage p = positionOf[msg.sender];
        if (amount > p.collateral) revert CollateralTooSmall(p.collateral, amount);
        p.collateral -= uint128(amount);
        if (p.debt > 0) _requireWithinLtv(p);
        emit CollateralWithdrawn(msg.sender, amount);
        COLLATERAL.safeTransfer(msg.sender, amount);
    }

    function borrow(uint256 amount) external {
        Position storage p = positionOf[msg.sender];
        p.debt += amount.toUint128();
        totalDebt += amount;
        _requireWithinLtv(p);
        emit Borrowed(msg.sender, amount);
        IERC20(asset()).safeTransfer(msg.sender, amount);
    }

    function repay(address account, uint256 amount) external {
        _reduceDebt(account, amount);
        emit Repaid(account, msg.sender, amount);
        IERC20(asset()).safeTransferFrom(msg.sender, address(this), amount);
    }

    /// Repays up to `maxRepaid` of an unhealthy position for collateral worth that and the bonus. Where the collateral
    /// does not cover it, all collateral goes and what debt it leaves is the lenders' loss.
    function liquidate(address borrower, uint256 maxRepaid) external returns (uint256 repaid, uint256 seized) {
        Position memory p = positionOf[borrower];
        uint256 price = _price();
        uint256 allowed = _valueDown(p.collateral, price).mulDiv(liquidationThreshold, BPS);
        if (p.debt <= allowed) revert PositionHealthy(borrower, p.debt, allowed);

        repaid = maxRepaid.min(p.debt);
        seized = _amountDown(repaid.mulDiv(BPS + _limits.liquidationBonus, BPS), price);
        if (seized >= p.collateral) {
            seized = p.collateral;
            repaid = repaid.min(_valueUp(seized, price).mulDiv(BPS, BPS + _limits.liquidationBonus, Math.Rounding.Ceil));
        }
        if (repaid == 0) revert NothingToLiquidate(borrower);
        _reduceDebt(borrower, repaid);
        positionOf[borrower].collateral = p.collateral - uint128(seized);
        uint256 writtenOff = seized == p.collateral ? positionOf[borrower].debt : 0;
        _reduceDebt(borrower, writtenOff);

        emit Liquidated(borrower, msg.sender, repaid, seized, writtenOff);
        IERC20(asset()).safeTransferFrom(msg.sender, address(this), repaid);
        COLLATERAL.safeTransfer(msg.sender, seized);
    }

    function limits() external view returns (Limits memory) {
        return _limits;
    }

    /// True while the debt is within the liquidation threshold.
    function isHealthy(address account) external view returns (bool) {
        Position memory p = positionOf[account];
        return p.debt == 0 || p.debt <= _valueDown(p.collateral, _price()).mulDiv(liquidationThreshold, BPS);
    }

    function totalAssets() public view override returns (uint256) {
        return super.totalAssets() + totalDebt;
    }

    /// Lenders leave as far as there is cash.
    function maxWithdraw(address owner) public view override returns (uint256) {
        return super.maxWithdraw(owner).min(super.totalAssets());
    }

    function maxRedeem(address owner) public view override returns (uint256) {
        return super.maxRedeem(owner).min(convertToShares(super.totalAssets()));
    }

    function _reduceDebt(address account, uint256 amount) private {
        uint128 debt = positionOf[account].debt;
        if (amount > debt) revert DebtTooSmall(debt, amount);
        positionOf[account].debt = debt - uint128(amount);
        totalDebt -= amount;
    }

    function _requireWithinLtv(Position memory p) private view {
        uint256 allowed = _valueDown(p.collateral, _price()).mulDiv(ltv, BPS);
        if (p.debt > allowed) revert BeyondLtv(p.debt, allowed);
    }

    function _requireInBounds(uint256 ltv_, uint256 threshold) private view {
        bool inside = ltv_ <= threshold && ltv_ <= _limits.maxLtv && threshold <= _limits.maxThreshold;
        if (!inside) revert UpdateOutOfBounds(ltv_, threshold);
    }

    function _latest(string memory updateType) private view returns (uint256 value, uint256 timestamp) {
        IRiskOracle.RiskParameterUpdate memory u =
            RISK_ORACLE.getLatestUpdateByParameterAndMarket(updateType, address(COLLATERAL));
        if (block.timestamp - u.timestamp > _limits.maxUpdateAge) {
            revert UpdateTooOld(updateType, u.timestamp, _limits.maxUpdateAge);
        }
        if (u.newValue.length != 32) revert UpdateMalformed(updateType, u.newValue);
        return (uint256(bytes32(u.newValue)), u.timestamp);
    }

    function _price() private view returns (uint256) {
        (, int256 answer,, uint256 updatedAt,) = PRICE_FEED.latestRoundData();
        bool fresh = updatedAt <= block.timestamp && block.timestamp - updatedAt <= _limits.maxPriceAge;
        if (answer <= 0 || !fresh) revert PriceUnusable(answer, updatedAt, _limits.maxPriceAge);
        return uint256(answer);
    }

    function _valueDown(uint256 collateral, uint256 price) private view returns (uint256) {
        return collateral.mulDiv(price * _loanUnit, _collateralUnit * _priceUnit);
    }

    function _valueUp(uint256 collateral, uint256 price) private view returns (uint256) {
        return collateral.mulDiv(price * _loanUnit, _collateralUnit * _priceUnit, Math.Rounding.Ceil);
    }

    function _amountDown(uint256 value, uint256 price) private view returns (uint256) {
        return value.mulDiv(_collateralUnit * _priceUnit, price * _loanUnit);
    }
}
