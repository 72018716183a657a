//! Who answers to what: the second one that wants the same is refused, and told who has it.
