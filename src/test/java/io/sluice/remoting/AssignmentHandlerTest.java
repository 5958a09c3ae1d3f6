package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.sluice.bus.PopRequest.Mode;
import io.sluice.bus.SluiceException;
import io.sluice.remoting.AssignmentHandler.Queue;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.apache.rocketmq.client.consumer.AllocateMessageQueueStrategy;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueAveragely;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueAveragelyByCircle;
import org.apache.rocketmq.common.message.MessageQueue;
import org.junit.jupiter.api.Test;

/** Which queues a client is assigned; the official client's own strategies are the oracle. */
class AssignmentHandlerTest {

  @Test
  void shouldShareQueuesAsTheOfficialStrategiesDo() {
    for (int queues = 1; queues <= 9; queues++) {
      for (int clients = 1; clients <= 6; clients++) {
        for (int client = 0; client < clients; client++) {
          compare("AVG", new AllocateMessageQueueAveragely(), queues, clients, client);
          compare(
              "AVG_BY_CIRCLE",
              new AllocateMessageQueueAveragelyByCircle(),
              queues,
              clients,
              client);
        }
      }
    }
  }

  @Test
  void shouldLetEverybodyPopEverywhereUnlessQueuesAreSharedByAFew() {
    List<Queue> queues = queues(6);
    List<String> clients = clients(3);
    List<Queue> any = List.of(new Queue("b", -1));
    assertEquals(any, assigned("c0", queues, clients, new Mode(true, 0)));
    assertEquals(any, assigned("c1", queues, clients, new Mode(true, 2)));
    assertEquals(
        List.of(queues.get(4), queues.get(5), queues.get(0), queues.get(1)),
        List.copyOf(assigned("c2", queues, clients, new Mode(true, 1))));
  }

  @Test
  void shouldLeaveAClientWhatItHasIfThereIsNothingToGoBy() {
    assertNull(assigned("unknown", queues(4), clients(2), Mode.PULL));
    assertNull(assigned("c0", List.of(), clients(2), Mode.PULL));
    assertThrows(
        SluiceException.class,
        () -> AssignmentHandler.assigned("HASH", "c0", queues(4), clients(2), Mode.PULL));
  }

  private static void compare(
      String name, AllocateMessageQueueStrategy oracle, int queues, int clients, int client) {
    List<MessageQueue> all = new ArrayList<>();
    queues(queues).forEach(queue -> all.add(new MessageQueue("t", "b", queue.queueId())));
    List<Integer> expected =
        oracle.allocate("g", "c" + client, all, clients(clients)).stream()
            .map(MessageQueue::getQueueId)
            .toList();
    List<Integer> found =
        AssignmentHandler.assigned(name, "c" + client, queues(queues), clients(clients), Mode.PULL)
            .stream()
            .map(Queue::queueId)
            .toList();
    assertEquals(
        expected, found, name + " of " + queues + " queues for client " + client + "/" + clients);
  }

  private static Collection<Queue> assigned(
      String client, List<Queue> queues, List<String> clients, Mode mode) {
    return AssignmentHandler.assigned("AVG", client, queues, clients, mode);
  }

  private static List<Queue> queues(int count) {
    List<Queue> queues = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      queues.add(new Queue("b", i));
    }
    return queues;
  }

  private static List<String> clients(int count) {
    List<String> clients = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      clients.add("c" + i);
    }
    return clients;
  }
}
