package io.sluice.gateway;

import io.sluice.bus.AckLevel;
import io.sluice.bus.AppendReply;
import io.sluice.bus.SluiceException;
import io.sluice.message.MessageBatch;
import java.util.Arrays;

/**
 * Some items of a batch that go to the Broker as one request, and what became of each, in their
 * order. Owned by an event loop.
 */
final class Segment {

  final MessageBatch batch;
  final long receivedNs;

  private final String place;
  private String[] messageIds = new String[64];
  private SluiceException[] errors;
  private long[] numbers;
  private int count;
  private AppendReply reply;
  private SluiceException failure;
  private boolean answered;

  /**
   * A segment.
   *
   * @param place what the number of an item is called in its error: {@code line} or {@code index}
   * @param capacityBytes how large it is likely to become
   */
  Segment(String place, int capacityBytes, long receivedNs) {
    this.place = place;
    this.receivedNs = receivedNs;
    batch = new MessageBatch(capacityBytes);
  }

  /** An item was encoded into the batch. */
  void added(String messageId) {
    ensure();
    messageIds[count++] = messageId;
  }

  /** An item is in error and was not encoded. */
  void refused(long number, SluiceException error) {
    ensure();
    if (errors == null || errors.length < messageIds.length) {
      errors = errors == null ? new SluiceException[messageIds.length] : grown(errors);
      numbers =
          numbers == null ? new long[messageIds.length] : Arrays.copyOf(numbers, messageIds.length);
    }
    errors[count] = error;
    numbers[count++] = number;
  }

  int count() {
    return count;
  }

  boolean isEmpty() {
    return count == 0;
  }

  /** The first error of an item, with its number; or null. */
  SluiceException firstError() {
    for (int i = 0; errors != null && i < count && i < errors.length; i++) {
      if (errors[i] != null) {
        return new SluiceException(
            errors[i].code(),
            place + " " + numbers[i] + ": " + errors[i].getMessage() + "; nothing was stored");
      }
    }
    return null;
  }

  void answered(AppendReply answer) {
    reply = answer;
    answered = true;
  }

  void failed(SluiceException error) {
    failure = error;
    answered = true;
  }

  /** Whether everything is known of it. */
  boolean isAnswered() {
    return answered;
  }

  /**
   * Writes the results of its items, a comma before each but the first.
   *
   * @return whether there is a result now
   */
  boolean write(JsonText out, boolean first, String topic, AckLevel ack, Loop loop) {
    boolean next = !first;
    int stored = 0;
    for (int i = 0; i < count; i++) {
      if (next) {
        out.raw(',');
      }
      next = true;
      SluiceException error = errors == null || i >= errors.length ? null : errors[i];
      if (error != null) {
        Answers.count(loop, error);
        out.raw("{\"error\":");
        Problem.writeItem(out, error, place, numbers[i]);
        out.raw('}');
        continue;
      }
      int index = stored++;
      error = failure != null ? failure : reply.error(index);
      if (error != null) {
        Answers.count(loop, error);
        out.raw("{\"error\":");
        Problem.write(out, error);
        out.raw('}');
      } else {
        SendAnswer.write(out, messageIds[i], topic, reply, index, ack);
      }
    }
    return next;
  }

  private SluiceException[] grown(SluiceException[] old) {
    return Arrays.copyOf(old, messageIds.length);
  }

  private void ensure() {
    if (count == messageIds.length) {
      messageIds = Arrays.copyOf(messageIds, count * 2);
    }
  }
}
