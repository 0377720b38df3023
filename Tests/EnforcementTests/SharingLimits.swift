// Listeners with limits of `scope: cluster`.

import Enforcement
import Policy

/// Tests of sessions whose limits are shared.
protocol SharingLimits {}

extension SharingLimits {
    func limit(
        _ name: String = "shared", burst: UInt64 = 2, counts: LimitDefinition.Counting = .attempted,
        scope: LimitDefinition.Scope = .cluster, loss: LimitDefinition.StoreLoss = .local
    ) -> LimitDefinition {
        LimitDefinition(
            name: name, key: [.clientNet], count: 1, period: 18 * seconds, burst: burst, counts: counts, scope: scope,
            onStoreLoss: loss)
    }

    func rule(_ stage: Stage, over: [String] = ["shared"], _ action: Action? = nil) -> Rule {
        Rule("few", at: stage, over: over, action ?? .defer(ReplyTemplate(450, "4.7.1 retry in {limit.retry_after}")))
    }

    func stage(
        _ limits: [LimitDefinition], _ rules: Rule..., submission: Bool = false,
        change: (inout StageSetting) -> Void = { _ in }
    ) -> StageSetting {
        var stage = submission ? StageSetting.submission() : StageSetting()
        stage.policies.insert(
            PolicyDefinition(name: "x", limits: limits, rules: rules, otherwise: .accept), at: 0)
        stage.store = .up
        change(&stage)
        return stage
    }
}
