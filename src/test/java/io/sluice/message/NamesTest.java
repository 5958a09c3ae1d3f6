package io.sluice.message;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class NamesTest {

  @Test
  void shouldTakeWhatRocketMqTakes() {
    assertNull(Names.topicProblem("orders"));
    assertNull(Names.topicProblem("%RETRY%my-group_1|x"));
    assertNull(Names.topicProblem("a".repeat(127)));
    assertNull(Names.groupProblem("g".repeat(120)));
    assertNull(Names.topicProblem("%DLQ%" + "g".repeat(250)));
  }

  @Test
  void shouldSayWhatIsWrongAndWhere() {
    assertTrue(Names.topicProblem("").contains("1 to 127"));
    assertTrue(Names.topicProblem("a".repeat(128)).contains("128 characters"));
    assertTrue(Names.groupProblem("g".repeat(121)).contains("121 characters"));
    assertTrue(Names.groupProblem("%RETRY%" + "g".repeat(120)).contains("1 to 120"));
    assertTrue(Names.topicProblem("%DLQ%" + "g".repeat(251)).contains("1 to 255"));
    assertTrue(Names.topicProblem("a b").contains("U+0020 at position 1"));
    assertTrue(Names.topicProblem("a.b").contains("'.' at position 1"));
    assertTrue(Names.topicProblem("ä").contains("U+00E4 at position 0"));
  }

  @Test
  void shouldKnowTheSystemsTopics() {
    assertTrue(Names.isSystemTopic(Names.STATE_TOPIC));
    assertTrue(Names.isSystemTopic("SCHEDULE_TOPIC_XXXX"));
    assertTrue(Names.isSystemTopic("RMQ_SYS_ROCKSDB_TRANS_HALF_TOPIC"));
    assertTrue(Names.isSystemTopic("RMQ_SYS_ROCKSDB_TRANS_OP_HALF_TOPIC"));
    assertFalse(Names.isSystemTopic("orders"));
  }

  @Test
  void shouldCountTopicsOfTracesAndBenchmarksAmongThoseOfUsers() {
    assertFalse(Names.isSystemTopic(Names.TRACE_TOPIC));
    assertFalse(Names.isSystemTopic(Names.BENCHMARK_TOPIC));
  }

  @Test
  void shouldKnowTheSystemsGroups() {
    assertTrue(Names.isSystemGroup("CID_RMQ_SYS_TRANS"));
    assertTrue(Names.isSystemGroup("TOOLS_CONSUMER"));
    assertFalse(Names.isSystemGroup("TOOLS_CONSUMER_OF_MINE"));
  }

  @Test
  void shouldMakeUniqueIdsThatRise() {
    UniqueIds ids = new UniqueIds(1_700_000_000_000L);
    Set<String> seen = new HashSet<>();
    String last = "";
    for (int i = 0; i < 10_000; i++) {
      String id = ids.next();
      assertEquals(32, id.length());
      assertTrue(seen.add(id));
      assertTrue(id.compareTo(last) > 0);
      last = id;
    }
  }
}
