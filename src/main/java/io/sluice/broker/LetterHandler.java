package io.sluice.broker;

import io.sluice.broker.LetterState.Letters;
import io.sluice.bus.AckLevel;
import io.sluice.bus.BusMessage;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.LetterRequest;
import io.sluice.bus.LetterRequest.Browse;
import io.sluice.bus.LetterRequest.Cancel;
import io.sluice.bus.LetterRequest.GetStatus;
import io.sluice.bus.LetterRequest.Start;
import io.sluice.bus.LetterRequest.Status;
import io.sluice.bus.ReadReply;
import io.sluice.bus.ReadRequest;
import io.sluice.bus.SluiceException;
import io.sluice.message.MessageBlock;
import io.sluice.message.MessageView;
import io.sluice.message.Names;
import io.sluice.store.ConsumeQueue;
import io.sluice.store.MessageStore;
import java.util.BitSet;

/** Answers {@link LetterRequest}s. Owned by the Broker's event loop. */
final class LetterHandler {

  private final MessageStore store;
  private final BrokerState state;
  private final Catalog catalog;
  private final StateLog log;
  private final Reader reader;
  private final LetterJobs jobs;
  private final AckLevel ack;
  private final MessageView view = new MessageView();

  LetterHandler(
      BrokerOptions options,
      MessageStore store,
      BrokerState state,
      Catalog catalog,
      StateLog log,
      Reader reader,
      LetterJobs jobs) {
    this.store = store;
    this.state = state;
    this.catalog = catalog;
    this.log = log;
    this.reader = reader;
    this.jobs = jobs;
    ack = options.getDefaultAck();
  }

  /** Takes a request; answered once. */
  void handle(LetterRequest request, Answer<BusMessage> answer) {
    catalog.existingGroup(request.group());
    if (request instanceof Browse browse) {
      browse(browse, browse.fromOffset(), answer);
    } else if (request instanceof GetStatus get) {
      answer.succeed(status(get.group()));
    } else if (request instanceof Start start) {
      start(start, answer);
    } else if (request instanceof Cancel cancel) {
      cancel(cancel, answer);
    } else {
      throw new IllegalStateException("no answer for " + request);
    }
  }

  private void start(Start start, Answer<BusMessage> answer) {
    log.checkWritable();
    MessageFilter.of(start.filter());
    if (start.max() < 0 || start.perSecond() < 0) {
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT,
          "max is " + start.max() + ", perSecond " + start.perSecond() + "; allowed is 0 or more");
    }
    Letters letters = state.letters.known(start.group());
    if (letters != null && letters.job != null && letters.job.isRunning()) {
      throw new SluiceException(
          ErrorCode.CONFLICT,
          "job "
              + letters.job.id()
              + " on the dead letters of '"
              + start.group()
              + "' still runs; wait for its end or cancel it");
    }
    jobs.start(start.group(), start.kind(), start.filter(), start.max(), start.perSecond());
    whenRecorded(start.group(), answer);
  }

  private void cancel(Cancel cancel, Answer<BusMessage> answer) {
    log.checkWritable();
    Letters letters = state.letters.known(cancel.group());
    if (letters == null || letters.job == null || !letters.job.isRunning()) {
      throw new SluiceException(
          ErrorCode.CONFLICT, "no job runs on the dead letters of '" + cancel.group() + "'");
    }
    jobs.cancel(cancel.group());
    whenRecorded(cancel.group(), answer);
  }

  private Status status(String group) {
    Letters letters = state.letters.known(group);
    TopicState topic = catalog.topic(Names.deadLetterTopic(group));
    ConsumeQueue queue = topic == null ? null : catalog.queue(topic, 0);
    long waiting = 0;
    if (queue != null) {
      waiting =
          letters == null
              ? queue.maxOffset() - queue.minOffset()
              : letters.gone.missing(queue.minOffset(), queue.maxOffset());
    }
    return new Status(group, waiting, letters == null ? null : letters.job);
  }

  /** Reads on until there is a letter that is not done with. */
  private void browse(Browse browse, long fromOffset, Answer<BusMessage> answer) {
    TopicState topic = catalog.topic(Names.deadLetterTopic(browse.group()));
    if (topic == null) {
      answer.succeed(new LetterRequest.Letters(MessageBlock.empty(), fromOffset, false));
      return;
    }
    Letters letters = state.letters.known(browse.group());
    long first = Math.max(fromOffset, catalog.queue(topic, 0).minOffset());
    long from = letters == null ? first : letters.gone.firstMissing(first);
    reader.read(
        new ReadRequest(
            topic.name(),
            new int[] {0},
            new long[] {from},
            null,
            browse.max(),
            browse.maxBytes(),
            0,
            browse.filter(),
            null),
        new Answer<>() {
          @Override
          public void succeed(ReadReply reply) {
            MessageBlock rest = letters == null ? reply.messages() : waiting(letters, reply);
            long next = reply.nextOffsets()[0];
            boolean more = next < reply.maxOffsets()[0];
            if (rest.count() == 0 && more) {
              rest.close();
              browse(browse, next, answer);
            } else {
              answer.succeed(new LetterRequest.Letters(rest, next, more));
            }
          }

          @Override
          public void fail(SluiceException failure) {
            answer.fail(failure);
          }
        });
  }

  private MessageBlock waiting(Letters letters, ReadReply reply) {
    MessageBlock block = reply.messages();
    BitSet gone = new BitSet();
    for (int i = 0; i < block.count(); i++) {
      gone.set(i, letters.gone.contains(block.view(i, view).queueOffset()));
    }
    return gone.isEmpty() ? block : Blocks.without(store, block, gone, view);
  }

  private void whenRecorded(String group, Answer<BusMessage> answer) {
    // As it is then: a small job is over by that time.
    log.whenRecorded(ack, Answer.mapped(answer, nothing -> status(group)));
  }
}
