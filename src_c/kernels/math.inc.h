/* math.inc.h -- exp and friends as branch-free expressions that the compiler turns into vector code. */
