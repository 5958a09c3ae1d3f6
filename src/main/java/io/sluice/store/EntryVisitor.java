package io.sluice.store;

/** Looks at the entries of a queue, one after the other, on a worker. */
public interface EntryVisitor {

  /**
   * One entry.
   *
   * @return false to stop
   */
  boolean visit(long queueOffset, long physicalOffset, long tagsCode);
}
