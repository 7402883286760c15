/** What a dimension that varies and is not the first of an input is taken to be, where one must be made up:
 *  for the prediction of a model's memory and for the runs that end its load. */
export const variableDimension = 16;
