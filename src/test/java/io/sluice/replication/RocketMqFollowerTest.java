package io.sluice.replication;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.replication.Handshake.Action;
import io.sluice.replication.Handshake.Answer;
import org.junit.jupiter.api.Test;

/** What a slave of RocketMQ does with the log that it has; all cases. */
final class RocketMqFollowerTest {

  @Test
  void shouldBeginWhereTheMastersLogBegins() {
    assertEquals(new Answer(Action.FOLLOW, 0, ""), RocketMqFollower.decide(0, 0, 0, 0));
    assertEquals(new Answer(Action.FOLLOW, 0, ""), RocketMqFollower.decide(0, 0, 0, 900));
    assertEquals(new Answer(Action.RESTART, 400, ""), RocketMqFollower.decide(0, 0, 400, 900));
    assertEquals(new Answer(Action.FOLLOW, 400, ""), RocketMqFollower.decide(400, 400, 400, 900));
    assertEquals(new Answer(Action.RESTART, 800, ""), RocketMqFollower.decide(400, 400, 800, 900));
  }

  @Test
  void shouldGoOnWhereItsOwnLogEnds() {
    assertEquals(new Answer(Action.FOLLOW, 500, ""), RocketMqFollower.decide(0, 500, 0, 900));
    assertEquals(new Answer(Action.FOLLOW, 500, ""), RocketMqFollower.decide(0, 500, 500, 900));
    assertEquals(new Answer(Action.FOLLOW, 900, ""), RocketMqFollower.decide(0, 900, 400, 900));
  }

  @Test
  void shouldBeginAnewWhereTheMasterHasNoMoreWhatComesNext() {
    assertEquals(new Answer(Action.RESTART, 800, ""), RocketMqFollower.decide(0, 500, 800, 900));
  }

  @Test
  void shouldNotFollowWhoHasLessThanItself() {
    Answer answer = RocketMqFollower.decide(0, 901, 0, 900);
    assertEquals(Action.REFUSED, answer.action());
    assertTrue(answer.text().contains("ends at 900, this one at 901"), answer.text());
  }

  @Test
  void shouldAskForALittleOfWhatItHasAndNeverForTheNewestFile() {
    assertEquals(1, RocketMqFollower.askFrom(0, 0));
    assertEquals(1, RocketMqFollower.askFrom(0, 500));
    assertEquals(400, RocketMqFollower.askFrom(400, 400));
    assertEquals(400, RocketMqFollower.askFrom(400, 900));
    assertEquals((1 << 20) - (64 << 10), RocketMqFollower.askFrom(400, 1 << 20));
  }
}
