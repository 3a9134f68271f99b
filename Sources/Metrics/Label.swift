/// Every label name that a family may carry: the whole vocabulary on one screen, so that none is misspelt.
public enum Label: String, CaseIterable, Sendable {
  case cluster = "k8s_cluster"
  case verb, code, reason, user, resource, outcome, object, window, rule, priority, input, family, handler, direction
  case sourceIP = "source_ip"
  case impersonatedUser = "impersonated_user"
  case auditStage = "audit_stage"
  case codeClass = "code_class"
  case cloudService = "cloud_service"
  case cloudProvider = "cloud_provider"
  case cloudAccount = "cloud_account"
  case cloudRegion = "cloud_region"
  case errorCode = "error_code"
  case logType = "log_type"
  case principal, role, change, insight
  case operation, state, status, stream
  case version, revision, branch, swiftversion, goos, goarch
}
