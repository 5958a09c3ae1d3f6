package io.sluice.bus;

/**
 * Anything of the contract that crosses the event bus between fronts, Brokers and NameServers.
 * Within a process it crosses by reference: sender and receiver share the object, so the sender
 * must not change it afterwards.
 */
public interface BusMessage {

  /** Nobody takes it any more: what it holds is given back. */
  default void drop() {}
}
