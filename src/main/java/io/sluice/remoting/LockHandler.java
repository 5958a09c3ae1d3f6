package io.sluice.remoting;

import io.sluice.bus.ClientKept;
import io.sluice.bus.ClientKept.Queue;
import io.sluice.bus.Done;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Codes 41 and 42: the right to consume queues in order. */
final class LockHandler implements RequestHandler {

  private final BrokerLink broker;

  LockHandler(BrokerLink broker) {
    this.broker = broker;
  }

  @Override
  public void handle(Exchange exchange) {
    Map<Object, Object> body = exchange.request().bodyObject();
    String group = JsonTree.required(body, "consumerGroup");
    String clientId = JsonTree.required(body, "clientId");
    List<Queue> queues = queues(body);
    if (exchange.request().code == RequestCode.LOCK_BATCH_MQ) {
      exchange.when(
          broker.<ClientKept.Locked>clientKept(new ClientKept.Lock(group, clientId, queues)),
          locked -> exchange.ok(body(locked.queues())));
    } else {
      exchange.when(
          broker.<Done>clientKept(new ClientKept.Unlock(group, clientId, queues)),
          done -> exchange.ok());
    }
  }

  /** The queues of this Broker; a client may name those of others in the same list. */
  private List<Queue> queues(Map<Object, Object> body) {
    List<Queue> queues = new ArrayList<>();
    for (Map<Object, Object> queue : JsonTree.objects(body, "mqSet")) {
      if (JsonTree.text(queue, "brokerName", broker.brokerName()).equals(broker.brokerName())) {
        queues.add(
            new Queue(
                JsonTree.required(queue, "topic"), (int) JsonTree.number(queue, "queueId", -1)));
      }
    }
    return queues;
  }

  private byte[] body(List<Queue> locked) {
    JsonWriter out = new JsonWriter().open('{').name("lockOKMQSet").open('[');
    for (Queue queue : locked) {
      AdminJson.queue(out, broker.brokerName(), queue.topic(), queue.queueId());
    }
    return out.close(']').close('}').toByteArray();
  }
}
