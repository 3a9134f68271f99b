import Testing

@testable import Exporter

struct DescriptorBudgetTests {
  /// Everything that may be open at once is within the limit, and nothing is shared out beyond what is wanted.
  @Test(arguments: 1...4) func sharesFitTheLimit(addresses: Int) throws {
    for limit in stride(from: 32, through: 8_192, by: 8) {
      guard let budget = try? DescriptorBudget(limit: limit, addresses: addresses) else {
        #expect(limit < 96 + 24 * addresses)
        continue
      }
      #expect(budget.files >= 1 && budget.connections >= 8)
      #expect(budget.files + budget.connections * addresses + 4 * addresses + 32 <= limit)
      #expect(budget.isShort == (limit < DescriptorBudget.wanted(addresses)), "\(limit)")
    }
    let plenty = try DescriptorBudget(limit: 1 << 20, addresses: addresses)
    #expect(plenty.files == 128 && plenty.connections == 512 && !plenty.isShort)
  }
}
