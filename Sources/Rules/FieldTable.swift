/// A field of the language: what its values are and where they come from.
public struct RuleField: Sendable {
  /// The least that the audit policy must log for the field to have a value.
  public enum Level: Int, Sendable, Comparable {
    case metadata, request, requestResponse
    public static func < (a: Level, b: Level) -> Bool { a.rawValue < b.rawValue }
  }
  /// What may stand in brackets behind the name.
  public enum Argument: Sendable { case none, index, key }

  public let name: String
  public let isList: Bool
  /// Its values are numbers and compare as such; all others are texts.
  public let isNumber: Bool
  public let argument: Argument
  public let level: Level
  let source: FieldSource

  init(
    _ name: String, _ source: FieldSource, list: Bool = false, number: Bool = false, argument: Argument = .none,
    level: Level = .metadata
  ) {
    self.name = name
    self.source = source
    isList = list
    isNumber = number
    self.argument = argument
    self.level = level
  }

  /// All fields, in the order of their documentation.
  public static let all: [RuleField] = metadata + objects + pod + containers + json + general

  static let byName = Dictionary(all.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
}

/// Where a field's values come from.
enum FieldSource: Sendable, Equatable {
  /// Words of a closed vocabulary that the decoder has read.
  case stage, verb, code, decision
  /// A text that the decoder has found.
  case text(EventText)
  /// What is read out of the event's JSON.
  case json(Extraction)

  /// Its value is what stands at one place, as it stands there.
  var isWholeValue: Bool {
    switch self {
    case .json(.scalar), .json(.pointer): true
    default: false
    }
  }
}

/// The texts of a decoded event.
enum EventText: Sendable, CaseIterable {
  case auditID, user, impersonatedUser, requestURI, userAgent, resource, subresource, namespace, name
}

/// How values are read out of an event's JSON.
enum Extraction: Sendable, Equatable {
  /// Part of an event, by what the API server calls it.
  enum Root: Int, Sendable, CaseIterable { case requestObject, responseObject, annotations, responseStatus, user }

  case scalar(Root, [String])
  /// The elements of an array.
  case elements(Root, [String])
  /// A constant.
  case constant(String)
  case sourceIPs, uriParameter, clusterName, targetPodName
  case subjects(kind: String?, SubjectPart)
  /// Lists of the rules of a role, one after another; of none, each rule as JSON.
  case roleRules(String?)
  case containers(String, ContainerPart)
  case hostPath, flexVolumeDriver, volumeType
  /// Whether one hostPath is the argument, or begins with it when it ends with `*`.
  case hostPathMatches
  /// Of `containers`, for deprecated fields.
  case anyPrivileged, firstImage, firstRepository
  case pointer, wholeEvent
  case general(GeneralPart)
}

enum SubjectPart: Sendable { case json, name, namespacedName }

enum ContainerPart: Sendable, Equatable {
  case name, image, repository, hostPort, capabilities
  /// Words of an array, joined by blanks.
  case joined(String)
  case security(String)
  /// The container's, else the pod's, else 0.
  case effective(String)
}

enum GeneralPart: Sendable {
  case number, time, timeSeconds, timeISO, dateTime, dateTimeSeconds
  case rawTime, rawSeconds, rawNanoseconds, relativeTime, relativeSeconds, relativeNanoseconds
  case pluginName, pluginInfo, source, isAsync, asyncType, hostName
}

extension RuleField {
  private static func annotation(_ name: String, _ key: String) -> RuleField {
    RuleField(name, .json(.scalar(.annotations, [key])))
  }

  private static let metadata: [RuleField] = [
    RuleField("ka.auditid", .text(.auditID)),
    RuleField("ka.stage", .stage),
    RuleField("ka.auth.decision", .decision),
    annotation("ka.auth.reason", "authorization.k8s.io/reason"),
    annotation("ka.auth.openshift.decision", "authentication.openshift.io/decision"),
    annotation("ka.auth.openshift.username", "authentication.openshift.io/username"),
    annotation("ka.validations.admission.policy.failure", "validation.policy.admission.k8s.io/validation_failure"),
    annotation("ka.security.pod.violations", "pod-security.kubernetes.io/audit-violations"),
    RuleField("ka.user.name", .text(.user)),
    RuleField("ka.user.groups", .json(.elements(.user, ["groups"])), list: true),
    RuleField("ka.impuser.name", .text(.impersonatedUser)),
    RuleField("ka.verb", .verb),
    RuleField("ka.uri", .text(.requestURI)),
    RuleField("ka.uri.param", .json(.uriParameter), argument: .key),
    RuleField("ka.target.name", .text(.name)),
    RuleField("ka.target.namespace", .text(.namespace)),
    RuleField("ka.target.resource", .text(.resource)),
    RuleField("ka.target.subresource", .text(.subresource)),
    RuleField("ka.response.code", .code),
    RuleField("ka.response.reason", .json(.scalar(.responseStatus, ["reason"]))),
    RuleField("ka.useragent", .text(.userAgent)),
    RuleField("ka.sourceips", .json(.sourceIPs), list: true, argument: .index),
    RuleField("ka.cluster.name", .json(.clusterName)),
    RuleField("ka.req.configmap.name", .text(.name)),
    RuleField("ka.req.binding.subject.has_name", .json(.constant("true")), argument: .key),
  ]

  private static func request(_ name: String, _ path: String...) -> RuleField {
    RuleField(name, .json(.scalar(.requestObject, path)), level: .request)
  }

  private static func requestList(
    _ name: String, _ extraction: Extraction, argument: Argument = .index
  ) -> RuleField {
    RuleField(name, .json(extraction), list: true, argument: argument, level: .request)
  }

  private static let objects: [RuleField] = [
    RuleField("ka.resp.name", .json(.scalar(.responseObject, ["metadata", "name"])), level: .requestResponse),
    RuleField("ka.target.pod.name", .json(.targetPodName), level: .requestResponse),
    requestList("ka.req.binding.subjects", .subjects(kind: nil, .json), argument: .none),
    requestList("ka.req.binding.subjects.user_names", .subjects(kind: "User", .name), argument: .none),
    requestList(
      "ka.req.binding.subjects.serviceaccount_names", .subjects(kind: "ServiceAccount", .name), argument: .none),
    requestList(
      "ka.req.binding.subjects.serviceaccount_ns_names", .subjects(kind: "ServiceAccount", .namespacedName),
      argument: .none),
    requestList("ka.req.binding.subjects.group_names", .subjects(kind: "Group", .name), argument: .none),
    request("ka.req.binding.role", "roleRef", "name"),
    requestList("ka.req.role.rules", .roleRules(nil), argument: .none),
    requestList("ka.req.role.rules.apiGroups", .roleRules("apiGroups")),
    requestList("ka.req.role.rules.nonResourceURLs", .roleRules("nonResourceURLs")),
    requestList("ka.req.role.rules.verbs", .roleRules("verbs")),
    requestList("ka.req.role.rules.resources", .roleRules("resources")),
    request("ka.req.configmap.obj", "data"),
    request("ka.req.service.type", "spec", "type"),
    requestList("ka.req.service.ports", .scalar(.requestObject, ["spec", "ports"])),
  ]

  private static let pod: [RuleField] = [
    request("ka.req.pod.host_ipc", "spec", "hostIPC"),
    request("ka.req.pod.host_network", "spec", "hostNetwork"),
    request("ka.req.pod.host_pid", "spec", "hostPID"),
    request("ka.req.container.host_network", "spec", "hostNetwork"),
    request("ka.req.pod.run_as_user", "spec", "securityContext", "runAsUser"),
    request("ka.req.pod.run_as_group", "spec", "securityContext", "runAsGroup"),
    request("ka.req.pod.fs_group", "spec", "securityContext", "fsGroup"),
    requestList(
      "ka.req.pod.supplemental_groups", .elements(.requestObject, ["spec", "securityContext", "supplementalGroups"]),
      argument: .none),
    requestList("ka.req.pod.volumes.hostpath", .hostPath),
    RuleField("ka.req.volume.hostpath", .json(.hostPathMatches), argument: .key, level: .request),
    requestList("ka.req.pod.volumes.flexvolume_driver", .flexVolumeDriver),
    requestList("ka.req.pod.volumes.volume_type", .volumeType),
    RuleField("ka.req.container.image", .json(.firstImage), level: .request),
    RuleField("ka.req.container.image.repository", .json(.firstRepository), level: .request),
    RuleField("ka.req.container.privileged", .json(.anyPrivileged), level: .request),
  ]

  private static let containers: [RuleField] = ["containers", "initContainers", "ephemeralContainers"].flatMap { list in
    let parts: [(String, ContainerPart)] = [
      ("name", .name), ("image", .image), ("image.repository", .repository), ("command", .joined("command")),
      ("args", .joined("args")), ("privileged", .security("privileged")),
      ("allow_privilege_escalation", .security("allowPrivilegeEscalation")),
      ("read_only_fs", .security("readOnlyRootFilesystem")), ("run_as_user", .security("runAsUser")),
      ("eff_run_as_user", .effective("runAsUser")), ("run_as_group", .security("runAsGroup")),
      ("eff_run_as_group", .effective("runAsGroup")), ("proc_mount", .security("procMount")),
      ("add_capabilities", .capabilities), ("host_port", .hostPort),
    ]
    // Ephemeral containers have no ports.
    return parts.filter { list != "ephemeralContainers" || $0.1 != .hostPort }.map { part in
      requestList("ka.req.pod.\(list).\(part.0)", .containers(list, part.1))
    }
  }

  private static let json: [RuleField] = ["jevt", "json"].flatMap { prefix in
    [
      RuleField("\(prefix).value", .json(.pointer), argument: .key),
      RuleField("\(prefix).obj", .json(.wholeEvent)),
      RuleField("\(prefix).rawtime", .json(.general(.rawTime))),
    ]
  }

  private static let general: [RuleField] = [
    RuleField("evt.num", .json(.general(.number)), number: true),
    RuleField("evt.time", .json(.general(.time))),
    RuleField("evt.time.s", .json(.general(.timeSeconds))),
    RuleField("evt.time.iso8601", .json(.general(.timeISO))),
    RuleField("evt.datetime", .json(.general(.dateTime))),
    RuleField("evt.datetime.s", .json(.general(.dateTimeSeconds))),
    RuleField("evt.rawtime", .json(.general(.rawTime)), number: true),
    RuleField("evt.rawtime.s", .json(.general(.rawSeconds)), number: true),
    RuleField("evt.rawtime.ns", .json(.general(.rawNanoseconds)), number: true),
    RuleField("evt.reltime", .json(.general(.relativeTime)), number: true),
    RuleField("evt.reltime.s", .json(.general(.relativeSeconds)), number: true),
    RuleField("evt.reltime.ns", .json(.general(.relativeNanoseconds)), number: true),
    RuleField("evt.pluginname", .json(.general(.pluginName))),
    RuleField("evt.plugininfo", .json(.general(.pluginInfo))),
    RuleField("evt.source", .json(.general(.source))),
    RuleField("evt.is_async", .json(.general(.isAsync))),
    RuleField("evt.asynctype", .json(.general(.asyncType))),
    RuleField("evt.hostname", .json(.general(.hostName))),
  ]
}
