internal import Counting
internal import Metrics

extension Readings {
  /// The families that counting owns.
  init(_ counting: CountingReadings) {
    self.init()
    number = counting.number
    self[.requests] = counting.requests
    self[.deniedRequests] = counting.deniedRequests
    self[.serverErrors] = counting.serverErrors
    self[.rbacMutations] = counting.rbacMutations
    self[.trackedRequests] = counting.trackedRequests
    self[.impersonatedRequests] = counting.impersonatedRequests
    self[.eventsByStage] = counting.eventsByStage
    self[.windowRequests] = counting.windowRequests
    self[.windowDeniedRequests] = counting.windowDeniedRequests
    self[.windowDistinctUsers] = counting.windowDistinctUsers
    self[.windowServerErrorRatio] = counting.windowServerErrorRatio
    self[.windowRBACMutations] = counting.windowRBACMutations
    self[.windowTrackedRequests] = counting.windowTrackedRequests
    self[.clusterLastEvent] = counting.clusterLastEvent
    self[.eventLag] = counting.eventLag
    self[.clusterExpected] = counting.clusterExpected
    self[.series] = counting.series
    self[.seriesLimit] = counting.seriesLimit
    self[.seriesOverflow] = counting.seriesOverflow
    self[.seriesExpiredValue] = counting.seriesExpiredValue
    self[.eventsSkewed] = counting.eventsSkewed
    self[.eventsLate] = counting.eventsLate
  }
}
