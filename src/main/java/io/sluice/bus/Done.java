package io.sluice.bus;

/** The answer of a request that has nothing else to say. */
public enum Done implements BusMessage {
  DONE
}
