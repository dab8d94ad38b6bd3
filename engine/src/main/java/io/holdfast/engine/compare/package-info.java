/** Many runs: planned as trials, run as a resumable grid, compared with statistics. */
package io.holdfast.engine.compare;
