package io.sluice.broker;

import io.sluice.bus.BusMessage;
import io.sluice.bus.ClientKept.Member;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.OperatorRequest;
import io.sluice.bus.OperatorRequest.GetAllProducers;
import io.sluice.bus.OperatorRequest.GetConsumedTimes;
import io.sluice.bus.OperatorRequest.GetGroupRates;
import io.sluice.bus.OperatorRequest.GetQueueEntries;
import io.sluice.bus.OperatorRequest.GetSpans;
import io.sluice.bus.OperatorRequest.GetTopicRates;
import io.sluice.bus.OperatorRequest.GetTopicTimes;
import io.sluice.bus.OperatorRequest.ProducersByGroup;
import io.sluice.bus.OperatorRequest.QueueEntries;
import io.sluice.bus.OperatorRequest.Spans;
import io.sluice.bus.OperatorRequest.TopicTimes;
import io.sluice.bus.OperatorRequest.Totals;
import io.sluice.bus.SluiceException;
import io.sluice.message.MessageBlock;
import io.sluice.message.MessageView;
import io.sluice.store.ConsumeQueue;
import io.sluice.store.MessageStore;
import io.vertx.core.Future;
import io.vertx.core.WorkerExecutor;
import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.LongUnaryOperator;
import java.util.function.Supplier;

/** Answers {@link OperatorRequest}s. Owned by the Broker's event loop. */
final class Operator {

  /** As many entries of a queue as one answer has. */
  private static final int MAX_ENTRIES = 1_000;

  private final MessageStore store;
  private final BrokerState state;
  private final Catalog catalog;
  private final Rates rates;
  private final Supplier<Map<String, List<Member>>> producers;
  private final WorkerExecutor worker;
  private final Path directory;

  Operator(
      MessageStore store,
      BrokerState state,
      Catalog catalog,
      Rates rates,
      Supplier<Map<String, List<Member>>> producers,
      WorkerExecutor worker,
      Path directory) {
    this.store = store;
    this.state = state;
    this.catalog = catalog;
    this.rates = rates;
    this.producers = producers;
    this.worker = worker;
    this.directory = directory;
  }

  /** Takes a request; answered once. */
  void handle(OperatorRequest request, Answer<BusMessage> answer) {
    answer(request)
        .onComplete(
            done -> {
              if (done.succeeded()) {
                answer.succeed(done.result());
              } else {
                answer.fail(Refusals.ofFailure(done.cause()));
              }
            });
  }

  private Future<? extends BusMessage> answer(OperatorRequest request) {
    if (request instanceof GetTopicRates get) {
      return measured(rates.of(catalog.topic(get.topic())), get.topic());
    } else if (request instanceof GetGroupRates get) {
      return measured(groupRates(get), get.group());
    } else if (request instanceof GetTopicTimes get) {
      return lastTimes(catalog.existingTopic(get.topic())).map(TopicTimes::new);
    } else if (request instanceof GetConsumedTimes get) {
      return consumedTimes(get.group(), catalog.existingTopic(get.topic())).map(TopicTimes::new);
    } else if (request instanceof GetSpans get) {
      return spans(get);
    } else if (request instanceof GetQueueEntries get) {
      return entries(get);
    } else if (request instanceof GetAllProducers) {
      return Future.succeededFuture(new ProducersByGroup(producers.get()));
    } else {
      return totals();
    }
  }

  private static Future<OperatorRequest.Rates> measured(OperatorRequest.Rates found, String of) {
    return found != null
        ? Future.succeededFuture(found)
        : Future.failedFuture(
            new SluiceException(
                ErrorCode.MESSAGE_NOT_FOUND,
                "nothing was counted for '" + of + "' since the start"));
  }

  private OperatorRequest.Rates groupRates(GetGroupRates get) {
    if (get.topic() != null) {
      return rates.of(state.consumption(get.group(), get.topic()));
    }
    GroupState group = state.groups.get(get.group());
    OperatorRequest.Rates sum = null;
    if (group != null) {
      for (Consumption consumption : group.consumptions.values()) {
        OperatorRequest.Rates one = rates.of(consumption);
        sum = sum == null || one == null ? (sum == null ? one : sum) : plus(sum, one);
      }
    }
    return sum;
  }

  private static OperatorRequest.Rates plus(OperatorRequest.Rates a, OperatorRequest.Rates b) {
    return new OperatorRequest.Rates(
        plus(a.minute(), b.minute()), plus(a.hour(), b.hour()), plus(a.day(), b.day()));
  }

  private static OperatorRequest.Rate plus(OperatorRequest.Rate a, OperatorRequest.Rate b) {
    return new OperatorRequest.Rate(a.count() + b.count(), a.perSecond() + b.perSecond());
  }

  private Future<long[]> lastTimes(TopicState topic) {
    return times(topic, queueId -> catalog.queue(topic, (int) queueId).maxOffset() - 1);
  }

  private Future<long[]> consumedTimes(String group, TopicState topic) {
    Consumption consumption = state.consumption(group, topic.name());
    return consumption == null
        ? Future.succeededFuture(new long[topic.queuesEver])
        : times(topic, queueId -> consumption.cursor((int) queueId).committedOffset() - 1);
  }

  private Future<Spans> spans(GetSpans get) {
    TopicState topic = catalog.existingTopic(get.topic());
    Future<long[]> first = times(topic, queueId -> catalog.queue(topic, (int) queueId).minOffset());
    Future<long[]> last = lastTimes(topic);
    Future<long[]> consumed = consumedTimes(get.group(), topic);
    return Future.all(first, last, consumed)
        .map(done -> new Spans(first.result(), last.result(), consumed.result()));
  }

  /** When the message at one offset of each queue was stored, 0 where there is none. */
  private Future<long[]> times(TopicState topic, LongUnaryOperator offsetOf) {
    List<Future<Long>> asked = new ArrayList<>();
    for (int queueId = 0; queueId < topic.queuesEver; queueId++) {
      asked.add(storedAtMs(catalog.queue(topic, queueId), offsetOf.applyAsLong(queueId)));
    }
    return Future.all(asked).map(done -> asked.stream().mapToLong(Future::result).toArray());
  }

  private Future<Long> storedAtMs(ConsumeQueue queue, long offset) {
    if (offset < queue.minOffset() || offset >= queue.maxOffset()) {
      return Future.succeededFuture(0L);
    }
    return warm(queue, offset, 1)
        .compose(
            warm ->
                offset < queue.minOffset()
                    ? Future.succeededFuture(0L)
                    : storedAtMs(queue.physicalOffset(offset)));
  }

  private Future<Long> storedAtMs(long physicalOffset) {
    return Future.fromCompletionStage(store.findByPhysicalOffset(physicalOffset))
        .map(
            found -> {
              try (MessageBlock block = found) {
                return block.count() == 0 ? 0L : block.view(0, new MessageView()).storedAtMs();
              }
            });
  }

  private Future<Integer> warm(ConsumeQueue queue, long offset, int count) {
    return store.isWarm(queue, offset, count)
        ? Future.succeededFuture(count)
        : Future.fromCompletionStage(store.warm(queue, offset, count, Long.MAX_VALUE, false));
  }

  private Future<QueueEntries> entries(GetQueueEntries get) {
    TopicState topic = catalog.existingTopic(get.topic());
    if (get.queueId() < 0 || get.queueId() >= topic.queuesEver || get.count() < 1) {
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT,
          "found queue "
              + get.queueId()
              + " and count "
              + get.count()
              + "; '"
              + topic.name()
              + "' has the queues 0 to "
              + (topic.queuesEver - 1)
              + ", and the count is 1 or more");
    }
    ConsumeQueue queue = catalog.queue(topic, get.queueId());
    int wanted = Math.min(get.count(), MAX_ENTRIES);
    long from = get.firstOffset() < 0 ? queue.maxOffset() - wanted : get.firstOffset();
    long first = Math.max(queue.minOffset(), Math.min(from, queue.maxOffset()));
    int count = (int) Math.min(wanted, queue.maxOffset() - first);
    if (count == 0) {
      return Future.succeededFuture(entries(queue, first, 0));
    }
    return warm(queue, first, count).map(warm -> entries(queue, first, Math.min(warm, count)));
  }

  private static QueueEntries entries(ConsumeQueue queue, long first, int count) {
    long[] physicalOffsets = new long[count];
    int[] recordBytes = new int[count];
    long[] tagsCodes = new long[count];
    int found = 0;
    for (; found < count && first >= queue.minOffset(); found++) {
      physicalOffsets[found] = queue.physicalOffset(first + found);
      recordBytes[found] = queue.recordBytes(first + found);
      tagsCodes[found] = queue.tagsCode(first + found);
    }
    return new QueueEntries(
        queue.minOffset(),
        queue.maxOffset(),
        first,
        Arrays.copyOf(physicalOffsets, found),
        Arrays.copyOf(recordBytes, found),
        Arrays.copyOf(tagsCodes, found));
  }

  private Future<Totals> totals() {
    Future<Long> oldest = storedAtMs(store.minPhysicalOffset()).otherwise(0L);
    Future<long[]> disk = worker.executeBlocking(this::disk, false).otherwise(new long[2]);
    return Future.all(oldest, disk).map(done -> totals(oldest.result(), disk.result()));
  }

  private long[] disk() throws IOException {
    FileStore files = Files.getFileStore(directory);
    return new long[] {files.getTotalSpace(), files.getUsableSpace()};
  }

  private Totals totals(long oldestStoredMs, long[] disk) {
    return new Totals(
        rates.in(),
        rates.out(),
        rates.inThisMorning(),
        rates.inYesterdayMorning(),
        rates.outThisMorning(),
        rates.outYesterdayMorning(),
        oldestStoredMs,
        disk[0] == 0 ? -1 : (double) (disk[0] - disk[1]) / disk[0],
        disk[0]);
  }
}
