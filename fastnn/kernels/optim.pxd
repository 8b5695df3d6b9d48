cpdef sgd_step(list params, list grads, list momentum_buffers, double lr, double momentum=*, double dampening=*,
               double weight_decay=*, bint nesterov=*, bint maximize=*)
cpdef adagrad_step(list params, list grads, list sums, list steps, double lr, double lr_decay=*,
                   double weight_decay=*, double eps=*, bint maximize=*)
cpdef rmsprop_step(list params, list grads, list square_avgs, list grad_avgs, list momentum_buffers, list steps,
                   double lr, double alpha=*, double eps=*, double weight_decay=*, double momentum=*,
                   bint maximize=*)
cpdef adam_step(list params, list grads, list exp_avgs, list exp_avg_sqs, list max_exp_avg_sqs, list steps,
                double lr, double beta1=*, double beta2=*, double eps=*, double weight_decay=*, bint decoupled=*,
                bint maximize=*)
