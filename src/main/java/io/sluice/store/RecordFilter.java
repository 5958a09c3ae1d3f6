package io.sluice.store;

import io.sluice.message.MessageView;

/**
 * Which records a reader wants, so that those it does not are not brought into memory for it. Asked
 * on workers too: immutable.
 */
public interface RecordFilter {

  /** Wants every record. */
  RecordFilter ALL =
      new RecordFilter() {
        @Override
        public boolean readsRecords() {
          return false;
        }

        @Override
        public boolean mayWant(long tagsCode) {
          return true;
        }

        @Override
        public boolean wants(MessageView record) {
          return true;
        }
      };

  /** Whether the tag code alone can not tell, so that {@link #wants} has to be asked. */
  boolean readsRecords();

  /** Whether a record with this tag code in its queue's entry may be wanted. */
  boolean mayWant(long tagsCode);

  /** Whether this record is wanted. Reads its properties at most. */
  boolean wants(MessageView record);
}
