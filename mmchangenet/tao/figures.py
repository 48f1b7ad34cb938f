"""The toolkit's names of figures and ours."""

# of a validation and of a test; all but the loss in percent
VALIDATED = dict(val_loss='val_loss', val_acc='total_accuracy', val_fpr='false_alarm',
                 val_far='false_alarm_rate_at_100_recall')
TESTED = dict(test_acc='total_accuracy',
              test_fpr='false_alarm',
              test_fnr='false_negative',
              defect_acc='defect_accuracy')
# what a best checkpoint can be chosen by
FIGURES = ('val_loss', 'auroc', 'average_precision', 'total_accuracy', 'false_alarm', 'false_negative',
           'defect_accuracy', 'false_alarm_rate', 'false_alarm_rate_at_100_recall',
           'false_alarm_rate_at_99_recall', 'false_alarm_rate_at_95_recall')
GREATER = ('auroc', 'average_precision', 'total_accuracy', 'defect_accuracy')  # is better
