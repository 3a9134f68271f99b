import FuzzSupport

@_cdecl("FuzzEvents_main")
public func fuzzMain(_ argc: CInt, _ argv: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> CInt {
  unsafe runFuzzer(argc, argv, fuzzOne)
}
