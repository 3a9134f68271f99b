import FuzzSupport

@_cdecl("FuzzSettings_main")
public func fuzzMain(_ argc: CInt, _ argv: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> CInt {
  unsafe runFuzzer(argc, argv, fuzzOne)
}
