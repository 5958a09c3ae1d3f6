package io.sluice.broker;

import io.sluice.bus.TransactionRequest.State;

/**
 * A transaction that nobody has ended yet: 64 bytes, and about as much for its id. Owned by the
 * Broker's event loop.
 */
final class OpenTransaction {

  final String id;
  final String group;
  final String topic;

  /** Its place in the queue of half messages. */
  final long offset;

  final long physicalOffset;
  final long begunAtMs;

  /** When it is to be asked for next. */
  long nextCheckMs;

  /** How often it was asked for. */
  int checks;

  /** Its place in {@link TransactionHeap}, or -1. */
  int heapIndex = -1;

  /** OPEN until its end is being recorded. */
  State state = State.OPEN;

  OpenTransaction(
      String id, String group, String topic, long offset, long physicalOffset, long begunAtMs) {
    this.id = id;
    this.group = group;
    this.topic = topic;
    this.offset = offset;
    this.physicalOffset = physicalOffset;
    this.begunAtMs = begunAtMs;
  }
}
