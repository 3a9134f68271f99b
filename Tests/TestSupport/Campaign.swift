import Glibc

/// The size of a random test: short in `make test`, long in `make soak`, which sets it by the environment.
public enum Campaign {
  /// How many rounds, programs or events a campaign has: `CAMPAIGN_<NAME>` in capitals, or its short size.
  public static func size(_ name: String, short: Int) -> Int {
    number("CAMPAIGN_\(name.uppercased())") ?? short
  }

  /// Where its seeds begin: `CAMPAIGN_SEED`, or 0. A failure names the whole seed.
  public static var seed: Int { number("CAMPAIGN_SEED") ?? 0 }

  /// Says what a campaign did, in one line that `scripts/soak.sh` gathers.
  public static func report(_ name: String, _ figures: String) { print("campaign \(name): \(figures)") }

  private static func number(_ variable: String) -> Int? {
    guard let text = unsafe getenv(variable) else { return nil }
    return unsafe Int(String(cString: text))
  }
}
