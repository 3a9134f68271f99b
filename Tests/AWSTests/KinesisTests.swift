import TestSupport
import Testing

@testable import AWS

/// What Kinesis answers, and the JSON in Firehose's headers.
@Suite struct KinesisTests {
  @Test func pages() throws {
    let answer = #"""
      {"Records": [{"SequenceNumber": "49", "Data": "aGk=", "PartitionKey": "\u00e9}", "ApproximateArrivalTimestamp": 1.5},
      {"Data": "", "SequenceNumber": "50"}], "NextShardIterator": "AAA=", "MillisBehindLatest": 2500,
      "ChildShards": [{"ShardId": "x", "ParentShards": ["y"]}]}
      """#
    let page = try #require(KinesisPage(Array(answer.utf8)))
    #expect(page.count == 2 && page.lastSequence == "50" && page.nextIterator == "AAA=")
    #expect(page.behindMilliseconds == 2500 && page.bytes == Array(answer.utf8))
    let last = try #require(KinesisPage(Array(#"{"Records":[],"NextShardIterator":null,"MillisBehindLatest":0}"#.utf8)))
    #expect(last.count == 0 && last.lastSequence == nil && last.nextIterator == nil)
    for wrong in [
      "", "{", "[]", #"{"Records":[{}]}"#, #"{"Records":[{"SequenceNumber":5}]}"#, #"{"Records":{}}"#,
      #"{"Records":[],"NextShardIterator":1}"#,
    ] {
      #expect(KinesisPage(Array(wrong.utf8)) == nil, "\(wrong)")
    }
  }

  @Test func shards() throws {
    let answer = #"""
      {"Shards": [{"ShardId": "shardId-0", "HashKeyRange": {"StartingHashKey": "0"},
      "SequenceNumberRange": {"StartingSequenceNumber": "1", "EndingSequenceNumber": "2"}},
      {"ShardId": "shardId-1", "ParentShardId": "shardId-0", "AdjacentParentShardId": "shardId-9",
      "SequenceNumberRange": {"StartingSequenceNumber": "3"}}], "NextToken": "more"}
      """#
    let page = try #require(KinesisShard.page(Array(answer.utf8)))
    #expect(page.token == "more")
    #expect(
      page.shards == [
        KinesisShard(id: "shardId-0", parents: [], isClosed: true),
        KinesisShard(id: "shardId-1", parents: ["shardId-0", "shardId-9"], isClosed: false),
      ])
    #expect(KinesisShard.page(Array(#"{"Shards":[{"ParentShardId":"x"}]}"#.utf8)) == nil)
    #expect(KinesisShard.page(Array("{}".utf8))?.shards.isEmpty == true)
  }

  @Test func timesHaveTheirMilliseconds() {
    var text = JSONObjectText()
    text.add("Timestamp", seconds: 1_767_600_000_007)
    #expect(text.text == #"{"Timestamp":1767600000.007}"#)
  }

  @Test func commonAttributes() {
    #expect(FirehoseText.commonAttributes(#"{"commonAttributes":{"a":"b","c":"\u00e9"}}"#) == ["a": "b", "c": "é"])
    #expect(FirehoseText.commonAttributes(#"{"x":[1,{}]}"#) == [:])
    for wrong in ["", "{", "[]", #"{"commonAttributes":{"a":1}}"#, #"{"commonAttributes":null}"#, "{} x"] {
      #expect(FirehoseText.commonAttributes(wrong) == nil, "\(wrong)")
    }
    let long = String(repeating: "x", count: FirehoseText.attributesBytesLimit)
    #expect(FirehoseText.commonAttributes(#"{"commonAttributes":{"a":"\#(long)"}}"#) == nil)
  }
}
